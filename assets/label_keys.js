// The desk's keys: which press means what, and when a press is not meant for the desk at all. Starts the desk where the
// page has its place.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
  // Where the arrows have a meaning of their own.
  const STEERED = "[role=tab], [role=slider], [role=radio], [role=listbox], [role=option], [role=menuitem], [role=region], summary, audio, video";

  // The key as it is printed on an English keyboard, whatever the layout writes: Devanagari's १ is the key 1.
  rangin.keyOf = (event) => {
    if (/^[a-zA-Z0-9?]$/.test(event.key)) return event.key.toLowerCase();
    const place = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(event.code || "");
    return place && event.key.length === 1 ? (place[1] || place[2]).toLowerCase() : event.key;
  };

  // Without Ctrl, Alt or the like, not held down, not on the way to a composed character.
  rangin.isPlain = (event) =>
    !(event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing || event.defaultPrevented) &&
    (!event.shiftKey || event.key === "?") &&
    !event.getModifierState("AltGraph");

  // The face whose probabilities count: the one that is labelled, or a photo's largest.
  rangin.guessed = (item) => {
    const size = ({ box: [left, top, right, bottom] }) => (right - left) * item.width * (bottom - top) * item.height;
    const faces = item.faces.filter((face) => Object.keys(face.probabilities).length);
    if (item.face) return faces.find((face) => face.number === item.face) || null;
    return faces.reduce((largest, face) => (largest && size(largest) >= size(face) ? largest : face), null);
  };

  const isOnScreen = (desk) => desk.panel.place.getClientRects().length > 0 && !desk.panel.body.hidden;

  function onKey(event) {
    const { desk } = rangin;
    if (!desk || !isOnScreen(desk)) return;
    const { target } = event;
    if (document.querySelector("dialog[open]")) return; // it has keys of its own
    const key = rangin.keyOf(event);
    if (key === "Escape" && desk.panel.place.contains(target)) {
      if (target === desk.panel.stage && desk.panel.place.classList.contains("is-full")) desk.panel.toggleFill();
      return desk.panel.stage.focus({ preventScroll: true });
    }
    if (!rangin.isPlain(event) || target.closest(FIELDS)) return;
    const { panel } = desk;
    const acts = {
      s: () => desk.acts().skip(),
      d: () => desk.ask(panel.reasonWindow),
      u: () => desk.undo(),
      n: () => desk.ask(panel.noteWindow),
      m: () => desk.toggleHelp(),
      f: () => desk.panel.toggleFill(),
      g: () => { panel.guidelines.open = !panel.guidelines.open; },
      "?": () => panel.helpWindow.showModal(),
    };
    if (!target.closest(STEERED)) {
      acts.ArrowLeft = () => desk.look(1);
      acts.ArrowRight = () => desk.look(-1);
    }
    const label = (desk.labels || []).find((one) => one.key === key);
    const act = label ? () => desk.acts().label(label) : acts[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  addEventListener("keydown", (event) => {
    rangin.pointed = false;
    if (!rangin.desk) return;
    rangin.desk.feed.touch();
    // Enter held down on a label's button would label one photo after the other.
    if (event.repeat && ["Enter", " "].includes(event.key) && event.target.closest("#label-desk button")) event.preventDefault();
    onKey(event);
  });
  addEventListener("pointerdown", () => {
    rangin.pointed = true;
    if (rangin.desk) rangin.desk.feed.touch();
  });
  addEventListener("pagehide", () => rangin.desk && rangin.desk.feed.giveBack());
  addEventListener("pageshow", (event) => event.persisted && rangin.desk && rangin.desk.start());
  // A desk that fills the window keeps the focus off what it covers.
  addEventListener("focusin", (event) => {
    const { desk } = rangin;
    if (!desk || !desk.panel.place.classList.contains("is-full") || desk.panel.place.contains(event.target)) return;
    desk.panel.stage.focus();
  });

  // Gradio makes the place when its tab is first shown, and may make it anew.
  const watch = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && rangin.desk && rangin.desk.panel.place.dataset.wasHidden) {
      delete rangin.desk.panel.place.dataset.wasHidden;
      rangin.desk.refresh();
    } else if (rangin.desk && !rangin.desk.panel.place.getClientRects().length) {
      rangin.desk.panel.place.dataset.wasHidden = "true";
    }
  });

  let isPlanned = false;
  function find() {
    isPlanned = false;
    const place = document.getElementById("label-desk");
    if (!place || (rangin.desk && rangin.desk.panel.place === place)) return;
    rangin.desk = new rangin.Desk(place);
    watch.disconnect();
    watch.observe(place);
  }
  new MutationObserver(() => {
    if (!isPlanned) requestAnimationFrame(find);
    isPlanned = true;
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
