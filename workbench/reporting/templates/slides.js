(() => {
  "use strict";
  // Of a slide without its margins and its foot.
  const [WIDTH, HEIGHT] = [1168, 612];
  // Smaller than the least is hard to read on a wall.
  const [LARGEST, LEAST, STEP] = [1.6, 0.62, 0.02];
  // A table of no more is not taken apart.
  const ROWS = 8;
  // What the page does on paper is not for slides, and what it does on a screen is.
  for (const sheet of document.styleSheets) {
    for (let at = sheet.cssRules.length - 1; at >= 0; at--) {
      const media = sheet.cssRules[at].media;
      if (media?.mediaText === "print") sheet.deleteRule(at);
      else if (media?.mediaText.startsWith("screen and")) media.mediaText = media.mediaText.replace("screen and", "all and");
    }
  }
  const made = (name, parent) => {
    const element = document.createElement("div");
    element.className = name;
    parent?.append(element);
    return element;
  };
  const all = (root, what) => Array.from(root.querySelectorAll(what));

  const fits = (content, size) => {
    content.style.width = `${WIDTH / size}px`;
    content.style.transform = `scale(${size})`;
    const wide = [content, ...all(content, ".scroll, table, .kpi")].some((each) => each.scrollWidth > each.clientWidth + 1);
    return !wide && content.offsetHeight * size <= HEIGHT;
  };
  const fit = (content) => {
    for (let size = LARGEST; size > 0.2; size -= STEP) if (fits(content, size)) return size;
    return 0;
  };
  // The second half of a slide's items, or of its only table's rows, goes on to a slide of its own.
  const halved = (content) => {
    const several = all(content, ".items > .item").length > 1;
    const what = several ? ".items > .item" : "tbody > tr";
    const parts = all(content, what);
    if (!several && parts.length <= ROWS) return null;
    const rest = content.cloneNode(true);
    const twins = all(rest, what);
    const half = Math.ceil(parts.length / 2);
    for (const each of all(rest, ".plain, .intro")) if (!several || !each.closest(".item")) each.remove();
    for (const twin of twins.slice(0, half)) twin.remove();
    // a chart that was cloned is only a picture of it: the one that was drawn moves
    parts.slice(half).forEach((part, at) => twins[half + at].replaceWith(part));
    return rest;
  };

  const build = () => {
    const main = document.getElementById("report");
    const deck = made("deck measuring");
    const foot = [document.querySelector(".house").textContent, document.title].filter(Boolean).join(" · ");
    const slide = (content) => {
      made("slide", deck).append(content);
      return content;
    };
    const first = made("fit");
    const contents = [first];
    for (const part of Array.from(main.children)) {
      if (part.matches("nav, noscript")) continue;
      if (part.matches("section, .first")) {
        contents.push(made("fit"));
        contents.at(-1).append(part);
      } else first.append(part);
    }
    contents.push(made("fit"));
    contents.at(-1).append(document.querySelector("footer.about"));
    document.body.replaceChildren(deck);
    for (const waiting = contents; waiting.length;) {
      const content = slide(waiting.shift());
      const rest = fit(content) < LEAST ? halved(content) : null;
      if (rest) {
        waiting.unshift(content, rest);
        content.parentElement.remove();
      }
    }
    const slides = all(deck, ".slide");
    slides.forEach((each, at) => {
      const line = made("foot", each);
      line.append(made(""), made(""));
      line.firstChild.textContent = foot;
      line.lastChild.textContent = `${at + 1} / ${slides.length}`;
    });
    deck.classList.remove("measuring");
    // Charts take their new width, and their labels with it.
    dispatchEvent(new Event("resize"));
    document.documentElement.classList.add("slides");
  };
  const wait = () => {
    const charts = document.querySelector(".chart");
    if (charts && !document.documentElement.className) setTimeout(wait, 40);
    else build();
  };
  addEventListener("load", wait);
})();
