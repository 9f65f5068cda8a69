// In place of @plotly/d3-sankey-circular, which plotly.js calls for graphs with circles only.
export const sankeyCircular = undefined;
