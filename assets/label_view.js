// What the labelling desk looks like: makes its elements and puts words and pictures into them. It decides nothing.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const SVG = "http://www.w3.org/2000/svg";

  // An element with attributes ("on" and a function for what it does when clicked) and children.
  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "on") made.addEventListener("click", value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
  }

  // "Skip" with its key: seen as a small cap, and told to screen readers as a key.
  function keyed(words, key, attributes, ...more) {
    return el(
      "button",
      { type: "button", "aria-keyshortcuts": key.code || key.shown || null, ...attributes },
      el("kbd", { "aria-hidden": "true" }, key.shown || "·"),
      el("span", {}, words),
      ...more
    );
  }

  // Guidelines are Markdown; of it paragraphs, headings, lists, bold, italics and code. Nothing becomes HTML.
  function prose(text) {
    const made = document.createDocumentFragment();
    let list = null;
    for (const block of text.split(/\n(?=\s*(?:[-*+]|\d+[.)]|#{1,6})\s)|\n\s*\n/)) {
      const line = block.trim().replace(/\s*\n\s*/g, " ");
      if (!line) continue;
      const [, mark, words] = /^([-*+]|\d+[.)]|#{1,6})\s+(.*)$/.exec(line) || [null, "", line];
      if (mark.startsWith("#") || !mark) {
        list = null;
        made.append(inline(el(mark ? "h4" : "p"), words));
        continue;
      }
      const kind = /\d/.test(mark) ? "ol" : "ul";
      if (!list || list.localName !== kind) made.append((list = el(kind)));
      list.append(inline(el("li"), words));
    }
    return made;
  }

  function inline(parent, words) {
    for (const part of words.split(/(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|_[^_\s][^_]*_|`[^`]+`)/)) {
      if (/^\*\*.+\*\*$/.test(part)) parent.append(el("strong", {}, part.slice(2, -2)));
      else if (/^([*_]).+\1$/.test(part)) parent.append(el("em", {}, part.slice(1, -1)));
      else if (/^`.+`$/.test(part)) parent.append(el("code", {}, part.slice(1, -1)));
      else parent.append(part);
    }
    return parent;
  }

  // Frames over the faces, in the shape that object-fit: contain gives the picture below.
  function outlines(item) {
    const drawn = document.createElementNS(SVG, "svg");
    const [width, height] = [item.width, item.height];
    drawn.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawn.setAttribute("aria-hidden", "true");
    const digit = Math.max(width, height) / 34;
    for (const face of item.faces) {
      const [left, top, right, bottom] = face.box;
      const isMeant = item.face === face.number;
      for (const kind of ["under", "over"]) {
        const frame = document.createElementNS(SVG, "rect");
        const place = { x: left * width, y: top * height, width: (right - left) * width, height: (bottom - top) * height };
        for (const [name, value] of Object.entries(place)) frame.setAttribute(name, value);
        frame.setAttribute("rx", digit / 4);
        frame.setAttribute("class", `${kind} ${item.face ? (isMeant ? "meant" : "other") : ""}`);
        drawn.append(frame);
      }
      if (item.faces.length < 2) continue;
      const number = document.createElementNS(SVG, "text");
      number.setAttribute("x", left * width + digit * 0.3);
      number.setAttribute("y", top * height > digit * 1.2 ? top * height - digit * 0.3 : top * height + digit);
      number.setAttribute("font-size", digit);
      number.textContent = face.number;
      drawn.append(number);
    }
    return drawn;
  }

  const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many || `${one}s`}`;

  function facesFound(item) {
    if (item.face) return `face ${item.face} of ${item.faces.length}`;
    if (!item.is_surveyed) return "faces not looked for yet";
    return item.faces.length ? counted(item.faces.length, "face") : "no face found";
  }

  function decided(decision) {
    if (!decision) return "";
    if (decision.kind === "label") return decision.word;
    return decision.kind === "skip" ? "skipped" : `unusable: ${decision.word}`;
  }

  // The model's probabilities: all of them, in the vocabulary's order and never the likeliest first.
  function bars(face, isOnlyFace) {
    const made = document.createDocumentFragment();
    made.append(
      el("p", {}, `The model's guess for ${isOnlyFace ? "the face" : `face ${face.number}`}; it errs, and you decide.`)
    );
    const list = el("ul");
    for (const [group, share] of Object.entries(face.probabilities)) {
      const percent = `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
      const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("i", { style: `width:${100 * share}%` }));
      list.append(el("li", {}, el("span", {}, group), bar, el("span", { class: "percent" }, percent)));
    }
    made.append(list);
    return made;
  }

  // Why there is no next photo, and what to do.
  function nothingLeft({ progress, survey }, { order, byFace }) {
    if (survey && survey[0] < survey[1]) {
      return `Faces have been looked for in ${survey[0]} of ${survey[1]} photos; more come as they are found.`;
    }
    if (!progress.total) return byFace ? "No faces were found here." : "This batch has no photos yet.";
    if (order === "skipped") return "You have skipped nothing here that is still open.";
    if (order === "mistakes") return "No labels here that the model doubts and that you haven’t looked at.";
    const skipped = progress.skipped ? ` You skipped ${progress.skipped}: choose the order “what I skipped”.` : "";
    if (progress.done < progress.total) return `Nothing is left for you now; the rest is with others.${skipped}`;
    return `All ${progress.total.toLocaleString("en")} are judged. Thank you!${skipped}`;
  }

  // A modal window of the browser's own, which keeps the focus inside and gives it back.
  function dialog(title, ...children) {
    const heading = el("h3", { id: `desk-${rangin.newKey()}` }, title);
    return el("dialog", { class: "desk-dialog", "aria-labelledby": heading.id }, heading, ...children);
  }

  Object.assign(rangin, { el, keyed, prose, outlines, counted, facesFound, decided, bars, nothingLeft, dialog });
})();
