// Rangin's page: names, roles and keys that Gradio's widgets lack. Everything works without it, but for the keyboard
// on the before/after slider.
(() => {
  "use strict";
  const STEP = 0.05;

  // The picture inside an <img> that is letterboxed by object-fit: contain, in pixels of the window.
  function shownArea(image) {
    const frame = image.parentElement.getBoundingClientRect();
    const ratio = image.naturalWidth / image.naturalHeight || 1;
    const width = ratio > frame.width / frame.height ? frame.width : frame.height * ratio;
    return { left: frame.left + (frame.width - width) / 2, width };
  }

  function position(handle, area) {
    const frame = handle.parentElement.getBoundingClientRect();
    if (!area.width) return 0.5; // not laid out yet
    const moved = new DOMMatrix(getComputedStyle(handle).transform).m41;
    return Math.min(1, Math.max(0, (frame.left + moved - area.left) / area.width));
  }

  function say(handle, share) {
    const percent = Math.round(share * 100);
    handle.setAttribute("aria-valuenow", percent);
    handle.setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % after`);
  }

  // The divider only listens to the mouse (d3-drag), so a key becomes a drag.
  function move(handle, share, area) {
    const from = area.left + position(handle, area) * area.width;
    const to = area.left + share * area.width;
    const y = handle.getBoundingClientRect().top + 1;
    const event = (type, x) =>
      new MouseEvent(type, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y });
    handle.dispatchEvent(event("mousedown", from));
    window.dispatchEvent(event("mousemove", to));
    window.dispatchEvent(event("mouseup", to));
  }

  function onKey(event) {
    const handle = event.currentTarget;
    const area = shownArea(handle.parentElement.querySelector("img"));
    const now = position(handle, area);
    const targets = {
      ArrowLeft: now - STEP, ArrowDown: now - STEP, ArrowRight: now + STEP, ArrowUp: now + STEP,
      PageDown: now - 4 * STEP, PageUp: now + 4 * STEP, Home: 0, End: 1,
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    move(handle, Math.min(1, Math.max(0, targets[event.key])), area);
  }

  function nameSlider() {
    const handle = document.querySelector('#before-after [data-testid="slider"]');
    if (handle && handle.getAttribute("role") !== "slider") {
      const attributes = {
        role: "slider", tabindex: "0", "aria-label": "Divider between before and after",
        "aria-valuemin": "0", "aria-valuemax": "100", "aria-orientation": "horizontal",
      };
      for (const [name, value] of Object.entries(attributes)) handle.setAttribute(name, value);
      say(handle, 0.5);
      handle.addEventListener("keydown", onKey);
      new MutationObserver(() => {
        say(handle, position(handle, shownArea(handle.parentElement.querySelector("img"))));
      }).observe(handle, { attributeFilter: ["style"] });
    }
    const alts = ["Before: the photo in gray", "After: the same photo in colour"];
    document.querySelectorAll("#before-after img").forEach((image, index) => {
      if (image.alt !== alts[index]) image.alt = alts[index] || "";
    });
  }

  // Regions that speak: messages at once, the summary when there is time. They are there before there is anything to
  // say, since screen readers miss what a new region begins with; the summary itself comes only with a result.
  function nameRegions() {
    document.querySelectorAll(".block.message").forEach((region) => {
      if (region.getAttribute("role") !== "alert") region.setAttribute("role", "alert");
    });
    document.querySelectorAll(".block.status").forEach((region) => {
      if (region.getAttribute("role") !== "status") region.setAttribute("role", "status");
    });
    const spoken = document.getElementById("spoken");
    const summary = document.getElementById("summary");
    const text = summary ? summary.innerText.trim() : "";
    if (spoken && spoken.textContent !== text) spoken.textContent = text;
  }

  const motion = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

  // On a phone the result lies below what is seen: bring it there, once for each photo.
  let shown = null;
  function bringResult() {
    const before = document.querySelector("#before-after img");
    if (!before || before.src === shown) return;
    const { top, height } = before.getBoundingClientRect();
    if (!before.complete || !height) {
      before.addEventListener("load", () => requestAnimationFrame(bringResult), { once: true });
      return;
    }
    shown = before.src;
    if (top < innerHeight / 2) return;
    document.getElementById("before-after").scrollIntoView({ behavior: motion(), block: "start" });
  }

  // A picture of the comparison or a suggestion goes into the slider above: say so, and go there once it has come.
  let picked = null;
  function nameGrids() {
    document.querySelectorAll(":is(#compare-grid, #suggest-grid) .thumbnail-item").forEach((button) => {
      const caption = button.querySelector(".caption-label");
      const does = button.closest("#suggest-grid") ? "take it as the result" : "show in the before/after slider";
      const label = `${caption ? caption.textContent.trim() : ""}: ${does}`;
      if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
      if (button.onclick) return;
      button.onclick = () => {
        const after = document.querySelectorAll("#before-after img")[1];
        picked = { from: after ? after.src : "" };
      };
    });
  }

  // Until the visitor does something else: Gradio may make the slider anew once more.
  let isFollowing = false;
  for (const act of ["pointerdown", "keydown"]) {
    addEventListener(act, () => { isFollowing = false; }, { capture: true });
  }

  function bringPicked() {
    const after = document.querySelectorAll("#before-after img")[1];
    if (picked && after && after.src !== picked.from) {
      picked = null;
      isFollowing = true;
      document.getElementById("before-after").scrollIntoView({ behavior: motion(), block: "start" });
    }
    const handle = document.querySelector('#before-after [data-testid="slider"]');
    // The arrow keys then move the divider.
    if (isFollowing && handle && document.activeElement !== handle) handle.focus({ preventScroll: true });
  }

  // Colour hints by keyboard: the arrow keys move a mark over the picture, Enter clicks there.
  const aim = { x: 0.5, y: 0.5 };
  const AIM_KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function aimedAt(image) {
    const frame = image.getBoundingClientRect();
    const scale = Math.min(frame.width / image.naturalWidth, frame.height / image.naturalHeight) || 0;
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    return {
      clientX: frame.left + (frame.width - width) / 2 + aim.x * width,
      clientY: frame.top + (frame.height - height) / 2 + aim.y * height,
    };
  }

  function showAim(button) {
    let mark = document.getElementById("aim");
    const image = button && button.querySelector("img");
    if (!image) {
      if (mark) mark.remove();
      return;
    }
    if (!mark) {
      mark = document.createElement("i");
      mark.id = "aim";
      mark.setAttribute("aria-hidden", "true");
      document.querySelector(".gradio-container").append(mark);
    }
    const { clientX, clientY } = aimedAt(image);
    mark.style.left = `${clientX}px`;
    mark.style.top = `${clientY}px`;
    button.setAttribute(
      "aria-label",
      "Picture for colour hints. Arrow keys aim, Enter puts the next hint there. Aiming at " +
        `${Math.round(100 * aim.x)} % from the left, ${Math.round(100 * aim.y)} % from the top`
    );
  }

  function onAim(event) {
    const button = event.currentTarget;
    const image = button.querySelector("img");
    if (!image) return;
    if (event.key in AIM_KEYS) {
      const [x, y] = AIM_KEYS[event.key].map((way) => way * (event.shiftKey ? 0.002 : 0.02));
      aim.x = Math.min(0.998, Math.max(0.002, aim.x + x));
      aim.y = Math.min(0.998, Math.max(0.002, aim.y + y));
      showAim(button);
    } else if (event.key === "Enter" || event.key === " ") {
      const place = { bubbles: true, cancelable: true, view: window, ...aimedAt(image) };
      image.dispatchEvent(new MouseEvent("click", place));
    } else {
      return;
    }
    event.preventDefault();
  }

  function nameCanvas() {
    const button = document.querySelector("#canvas .image-container > button");
    if (button && !button.dataset.aims) {
      button.dataset.aims = "true";
      button.setAttribute("aria-label", "Picture for colour hints. Arrow keys aim, Enter puts the next hint there");
      button.addEventListener("keydown", onAim);
      button.addEventListener("focus", () => { if (button.matches(":focus-visible")) showAim(button); });
      button.addEventListener("blur", () => showAim(null));
    }
    // Parts of the colour picker that Gradio leaves without a name.
    const names = { ".eyedropper": "Pick a colour from the screen", "input": "Colour as #rrggbb" };
    for (const [part, label] of Object.entries(names)) {
      const found = document.querySelector(`#hint-colour .color-picker .input ${part}`);
      if (found && !found.hasAttribute("aria-label")) found.setAttribute("aria-label", label);
    }
    const swatch = document.querySelector("#hint-colour .color-picker .swatch"); // does nothing
    if (swatch && swatch.tabIndex !== -1) {
      swatch.tabIndex = -1;
      swatch.setAttribute("aria-hidden", "true");
    }
  }

  // The mark stays on its place of the picture.
  for (const moves of ["scroll", "resize"]) {
    addEventListener(moves, () => {
      if (document.getElementById("aim")) showAim(document.activeElement.closest("#canvas button"));
    }, { capture: true, passive: true });
  }

  function name() {
    bringResult();
    nameGrids();
    bringPicked();
    nameSlider();
    nameCanvas();
    nameRegions();
  }

  let isPlanned = false;
  new MutationObserver(() => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      name();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
