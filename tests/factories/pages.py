"""A bank's report made by hand: its notebook, its releases, its page."""

from dataclasses import replace

from factories.notebooks import code, markdown, notebook, written
from factories.releases import (
    AMOUNT,
    BAND,
    CATEGORY,
    CUSTOMERS,
    MEAN,
    MONTH,
    RATE,
    REGION,
    release,
)

from workbench import figures
from workbench.reporting.exporter import export
from workbench.reporting.pages.parts import Budget, Context, Facts

TOTAL = release(number=1)
MONTHLY = release((MONTH,), (CUSTOMERS, AMOUNT, MEAN, RATE), number=2)
REGIONAL = release((MONTH, REGION), number=3)
BANDS = release((REGION, BAND), number=4)
SPENDING = release((CATEGORY,), number=5, notes=("Fewer than 20 customers: not shown.",))
RELEASES = {each.id: each for each in (TOTAL, MONTHLY, REGIONAL, BANDS, SPENDING)}

SENTENCE = (
    "In {period}, {customers:,} customers (± {customers_margin:.0f}) spent {amount_sum:,.0f}."
)
FACTS = Facts(
    data_version="v17",
    as_of="2026-09-30",
    catalog_hash="ab12" * 16,
    commit="0123456789abcdef",
    packages={"workbench": "0.1.0"},
    share=0.0612,
    budgets=(Budget("month", 0.644), Budget("year", 0.43), Budget("lifetime", 0.0004)),
)
CONTEXT = Context(
    title="Customer overview",
    subtitle="To the retail board",
    house="Sample bank",
    period="2026-09",
    parameters={"region": "all"},
    facts=FACTS,
)
CHINESE = {
    "Customer overview": "客户概览",
    "To the retail board": "致零售业务委员会",
    "Sample bank": "示例银行",
    "How are our customers doing?": "我们的客户近况如何？",
    "Who was active, and what did they spend?": "哪些客户活跃，他们消费了多少？",
    "Spending keeps its yearly rhythm.": "消费保持着每年的节奏。",
    "Where they live, and how much they keep with us.": "他们住在哪里，在本行存有多少。",
    "Active customers": "活跃客户",
    "Bands by region": "各地区的价值区间",
    "Spending": "消费",
    "What it means": "结论",
    "Nothing here calls for action.": "无需采取行动。",
    "Fewer than 20 customers: not shown.": "少于 20 位客户：不显示。",
    "Customers": "客户数",
    "Amount": "金额",
    "Active share": "活跃占比",
    "CNY": "元",
    "Month": "月份",
    "Region": "地区",
    "North": "北部",
    "East": "东部",
    "South": "南部",
    "West": "西部",
    "Overseas": "海外",
    "Value band": "价值区间",
    "under 1,000": "1,000 以下",
    "1,000 to 5,000": "1,000 至 5,000",
    "5,000 to 20,000": "5,000 至 20,000",
    "over 20,000": "20,000 以上",
    "Category": "类别",
    "Groceries": "食品杂货",
    "Housing and utilities": "住房与水电",
    "Travel": "旅行",
    "Health": "医疗",
    "Leisure": "休闲",
    "Education": "教育",
    SENTENCE: "{period}有 {customers:,} 位客户（± {customers_margin:.0f}），"
    "消费 {amount_sum:,.0f}。",
}


def overview():
    """Return an executed notebook with every kind of figure, four of them charts."""
    return notebook(
        markdown("# How are our customers doing?\n\nWho was active, and what did they spend?"),
        code("region = 'all'", tags=["parameters"]),
        code("region = 'all'", tags=["injected-parameters"]),
        code(f"wb.text({SENTENCE!r}, total)", figures.text(SENTENCE, TOTAL)),
        code("wb.figures.kpis(monthly)", figures.kpis(MONTHLY)),
        markdown("Spending keeps its yearly rhythm."),
        code(
            "wb.figures.line(...)",
            figures.line(REGIONAL, x="month", y="amount_sum", color="region"),
        ),
        markdown("## Customers\n\nWhere they live, and how much they keep with us."),
        code(
            "wb.figures.line(monthly, title='Active customers')",
            figures.line(MONTHLY, x="month", y="customers", title="Active customers"),
        ),
        markdown("### Bands by region"),
        code(
            "wb.figures.heatmap(...)",
            figures.heatmap(BANDS, rows="region", columns="value_band", value="customers"),
        ),
        markdown("## Spending"),
        code("wb.figures.bar(...)", figures.bar(SPENDING, x="category", y="amount_sum")),
        code("wb.figures.table(...)", figures.table(SPENDING)),
        markdown("## What it means\n\nNothing here calls for *action*."),
    )


def page(executed=None, *, lookup=RELEASES.__getitem__, source=None, **context):
    """Return a notebook's page."""
    executed = overview() if executed is None else executed
    return export(
        executed,
        source_notebook=source or written(executed),
        lookup=lookup,
        context=replace(CONTEXT, **context),
    )
