// The labelling desk's place on the page: its elements, made once, and what is put into them. What a press means stands
// in label.js, which hands over `act`, a table of functions.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const { el, keyed } = rangin;

  const HELP = [
    ["1 – 9", "give the label that shows this number; the next photo comes by itself"],
    ["0", "unsure"],
    ["S", "skip: somebody else may take it, and you find it again under “what I skipped”"],
    ["D, then 1 – 3", "the picture is unusable: not a person, no consent, a drawing"],
    ["U", "undo, as often as you like"],
    ["← →", "look back at what you decided, and forward; a label given there replaces the earlier one"],
    ["N", "note about this photo"],
    ["M", "show or hide the model's guess"],
    ["G", "show or hide the guidelines"],
    ["F", "fill the window with the desk"],
    ["Esc", "close a window; leave a menu and come back to the photo"],
    ["?", "this list"],
  ];

  class Panel {
    constructor(place, act) {
      this.act = act;
      this.place = place;
      this.spoken = el("div", { class: "unseen", role: "status", "aria-live": "polite" });
      this.notice = el("p", { class: "desk-notice" }, "Loading the desk…");
      this.body = el("div", { class: "desk-body", hidden: true }, this.bar(), this.meter(), this.work());
      this.dialogs = [this.helpDialog(), this.noteDialog(), this.reasonDialog()];
      place.replaceChildren(this.spoken, this.notice, this.body, ...this.dialogs);
      // Who clicks goes on with keys: no button stays focused that Enter would press again.
      this.keys.addEventListener("click", (event) => {
        if (rangin.pointed && event.target.closest("button")) this.stage.focus({ preventScroll: true });
      });
    }

    bar() {
      const { act } = this;
      this.batch = el("select", { id: "desk-batch" });
      this.order = el("select", { id: "desk-order" });
      this.unit = el(
        "select", { id: "desk-unit" }, new Option("whole photos", "photo"), new Option("each face", "face")
      );
      for (const menu of [this.batch, this.order, this.unit]) menu.addEventListener("change", () => act.choose(menu));
      const labelled = (words, menu) => el("label", { for: menu.id }, el("span", {}, words), menu);
      this.help = keyed("Model’s guess", { shown: "M" }, { class: "desk-toggle", "aria-pressed": "false", on: act.toggleHelp });
      this.fill = keyed("Fill window", { shown: "F" }, { class: "desk-toggle", "aria-pressed": "false", on: act.toggleFill });
      const keys = keyed("Keys", { shown: "?" }, { on: () => this.helpWindow.showModal(), "aria-label": "Keys and help" });
      return el(
        "div", { class: "desk-bar" },
        labelled("Batch", this.batch), labelled("Order", this.order), labelled("Label", this.unit),
        el("div", { class: "desk-toggles" }, this.help, this.fill, keys)
      );
    }

    meter() {
      this.done = el("progress", { value: 0, max: 1, "aria-label": "Judged in this batch" });
      this.counts = el("p", { class: "desk-counts" });
      this.saved = el("p", { class: "desk-saved" });
      this.again = el("button", { type: "button", on: this.act.retry }, "Send again");
      this.letGo = el("button", { type: "button", on: this.act.letGo }, "Let go");
      this.mend = el("span", { class: "desk-mend", hidden: true }, this.again, this.letGo);
      return el("div", { class: "desk-meter" }, this.done, this.counts, this.saved, this.mend);
    }

    work() {
      this.picture = el("div", { class: "desk-picture" });
      this.closeup = el("div", { class: "desk-closeup", hidden: true });
      this.stage = el(
        "div", { class: "desk-stage", tabindex: "0", role: "group", "aria-label": "Photo" }, this.picture, this.closeup
      );
      this.name = el("span", { class: "desk-name", dir: "auto" });
      this.place_ = el("span", { class: "desk-place" });
      this.verdict = el("strong", { class: "desk-verdict" });
      this.remark = el("span", { class: "desk-remark", dir: "auto" });
      const caption = el("div", { class: "desk-caption" }, this.verdict, this.name, this.place_, this.remark);
      this.labels = el("div", { class: "desk-labels", role: "group", "aria-label": "Labels" });
      this.guess = el("div", { class: "desk-guess", hidden: true, role: "group", "aria-label": "The model’s guess" });
      this.guidelinesText = el("div", { class: "desk-prose", tabindex: "0", role: "region", "aria-label": "Guidelines" });
      this.guidelines = el(
        "details", { class: "desk-guidelines", open: true },
        el("summary", {}, el("kbd", { "aria-hidden": "true" }, "G"), "Guidelines"),
        this.guidelinesText
      );
      // Screen readers hand its keys on instead of using them to walk about.
      this.keys = el(
        "div", { class: "desk-keys", role: "application", "aria-label": "Labelling desk; press ? for its keys" },
        el("div", { class: "desk-seen" }, this.stage, caption),
        el("div", { class: "desk-answers" }, this.labels, this.actions(), this.guess)
      );
      return el("div", { class: "desk-work" }, this.keys, this.guidelines);
    }

    actions() {
      const { act } = this;
      const made = (words, shown, code, on, extra = {}) => keyed(words, { shown, code }, { on, ...extra });
      this.back = made("Back", "←", "ArrowLeft", act.back, { "aria-label": "Look back" });
      this.forward = made("On", "→", "ArrowRight", act.forward, { "aria-label": "Look forward", disabled: true });
      return el(
        "div", { class: "desk-actions", role: "group", "aria-label": "More" },
        made("Skip", "S", "S", act.skip),
        made("Undo", "U", "U", act.undo),
        made("Unusable", "D", "D", act.unusable, { "aria-haspopup": "dialog" }),
        made("Note", "N", "N", act.note, { "aria-haspopup": "dialog" }),
        this.back,
        this.forward
      );
    }

    helpDialog() {
      const list = el("dl");
      for (const [key, does] of HELP) list.append(el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)));
      const close = el("button", { type: "button", on: () => this.helpWindow.close() }, "Close");
      this.helpWindow = rangin.dialog("Keys", list, close);
      this.helpWindow.addEventListener("keydown", (event) => {
        if (event.key === "?") this.helpWindow.close();
      });
      return this.helpWindow;
    }

    noteDialog() {
      const field = el("textarea", { rows: 4, maxlength: 4000, "aria-label": "Note about this photo", dir: "auto" });
      const save = () => {
        this.noteWindow.close();
        this.act.saveNote(field.value.trim());
      };
      const buttons = el(
        "div", { class: "desk-buttons" },
        keyed("Save", { shown: "⏎", code: "Enter" }, { class: "desk-primary", on: save }),
        keyed("Cancel", { shown: "Esc", code: "Escape" }, { on: () => this.noteWindow.close() })
      );
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        save();
      });
      this.noteField = field;
      this.noteWindow = rangin.dialog("Note about this photo", field, buttons);
      return this.noteWindow;
    }

    reasonDialog() {
      this.reasons = el("div", { class: "desk-labels" });
      const cancel = keyed("Cancel", { shown: "Esc", code: "Escape" }, { on: () => this.reasonWindow.close() });
      this.reasonWindow = rangin.dialog("Why can’t it be used?", this.reasons, cancel);
      return this.reasonWindow;
    }

    setReasons(reasons) {
      const choose = (reason) => {
        this.reasonWindow.close();
        this.act.giveReason(reason);
      };
      this.reasons.replaceChildren(
        ...reasons.map((reason, place) => keyed(reason, { shown: String(place + 1) }, { on: () => choose(reason) }))
      );
      this.reasonWindow.onkeydown = (event) => {
        const reason = rangin.isPlain(event) && reasons[Number(rangin.keyOf(event)) - 1];
        if (!reason) return;
        event.preventDefault();
        event.stopPropagation();
        choose(reason);
      };
    }

    setMenus(answer, settings) {
      const fill = (menu, pairs, chosen) => {
        const wanted = JSON.stringify(pairs);
        if (menu.dataset.pairs !== wanted) {
          menu.dataset.pairs = wanted;
          menu.replaceChildren(...pairs.map(([value, words]) => new Option(words, value)));
        }
        menu.value = chosen;
      };
      fill(this.batch, answer.batches.map(({ id, name }) => [id, name]), settings.batch);
      fill(this.order, Object.entries(answer.orders), settings.order);
      this.unit.value = settings.byFace ? "face" : "photo";
    }

    setLabels(labels) {
      this.labels.replaceChildren(
        ...labels.map((label) =>
          keyed(label.name, { shown: label.key.toUpperCase() }, {
            "data-label": label.id, class: label.is_unsure ? "desk-unsure" : null, on: () => this.act.label(label),
          })
        )
      );
    }

    setGuidelines(text) {
      if (this.guidelinesText.dataset.text === text) return;
      this.guidelinesText.dataset.text = text;
      this.guidelinesText.replaceChildren(rangin.prose(text));
    }

    setProgress({ total, judged, mine, skipped, per_minute: pace }) {
      const number = (count) => count.toLocaleString("en");
      this.done.max = Math.max(1, total);
      this.done.value = judged;
      const parts = [`${number(judged)} of ${number(total)} judged`, `${number(mine)} by me`];
      if (skipped) parts.push(`${number(skipped)} skipped`);
      parts.push(`${Math.round(pace)} a minute`);
      this.counts.textContent = parts.join(" · ");
    }

    // Truthfully: saved is what the server has said is on its disk.
    setOutbox({ waiting, refused, failures, trouble }) {
      const many = rangin.counted(waiting.length, "decision");
      let [state, words] = ["saved", "All saved"];
      if (waiting.length && failures) {
        state = "failing";
        words = `${many} not saved yet, kept in this browser; trying again (${trouble})`;
        if (failures === 2) this.say(`${many} not saved yet; trying again.`);
      } else if (refused.length) {
        state = "refused";
        words = `Not saved: ${rangin.counted(refused.length, "decision")}. ${refused[0].why}`;
      } else if (waiting.length) {
        state = "saving";
        words = `Saving ${many}…`;
      }
      this.saved.textContent = words;
      this.saved.dataset.state = state;
      this.mend.hidden = state !== "refused";
    }

    // A sentence in place of the desk, or (null) the desk.
    setNotice(words) {
      this.notice.hidden = words === null;
      this.notice.textContent = words || "";
      this.body.hidden = words !== null;
    }

    // Words in the photo's place.
    setEmpty(words) {
      this.picture.replaceChildren(el("p", { class: "desk-empty" }, words));
      this.closeup.replaceChildren();
      this.stage.removeAttribute("data-item");
      this.stage.setAttribute("aria-label", words);
      for (const part of [this.name, this.place_, this.verdict, this.remark]) part.textContent = "";
      this.guess.replaceChildren();
      this.mark(null);
    }

    setPhoto(entry, count) {
      const { item } = entry;
      const total = count.toLocaleString("en");
      const shown = entry.image || el("p", { class: "desk-empty" }, item.problem || "This photo can’t be shown.");
      this.picture.replaceChildren(shown, ...(entry.image ? [rangin.outlines(item)] : []));
      this.closeup.hidden = !item.face;
      this.closeup.replaceChildren(...(entry.near ? [entry.near] : []));
      this.stage.dataset.item = item.id;
      this.name.textContent = item.name;
      this.place_.textContent = `photo ${(item.position + 1).toLocaleString("en")} of ${total} · ${rangin.facesFound(item)}`;
      this.stage.setAttribute("aria-label", `${item.name}, ${rangin.facesFound(item)}`);
    }

    setVerdict(entry, back) {
      const words = rangin.decided(entry.decision);
      this.verdict.textContent = words && `You said ${words}${back ? ` · ${back} back` : ""}`;
      this.remark.textContent = entry.note ? `Note: ${entry.note}` : "";
      this.mark(entry.decision);
      this.forward.disabled = !back;
      this.place.classList.toggle("is-back", back > 0);
    }

    mark(decision) {
      for (const button of this.labels.children) {
        const isIt = Boolean(decision && decision.kind === "label" && String(decision.label) === button.dataset.label);
        button.classList.toggle("is-given", isIt);
        if (isIt) button.setAttribute("aria-pressed", "true");
        else button.removeAttribute("aria-pressed");
      }
    }

    // The face whose probabilities are on screen now, or null.
    setGuess(entry, isOn) {
      this.help.setAttribute("aria-pressed", String(isOn));
      this.guess.hidden = !isOn;
      if (!isOn || !entry) return null;
      const face = rangin.guessed(entry.item);
      if (face) this.guess.replaceChildren(rangin.bars(face, entry.item.faces.length === 1));
      else this.guess.replaceChildren(el("p", {}, "The model has no guess: no face found, or not looked for yet."));
      return face;
    }

    // Who clicked on a tab goes on with the photo's keys, not with the tabs'.
    takeFocus() {
      const { activeElement: here } = document;
      if (rangin.pointed && (here === document.body || here.matches("[role=tab]"))) this.stage.focus({ preventScroll: true });
    }

    toggleFill() {
      const isFull = this.place.classList.toggle("is-full");
      document.documentElement.classList.toggle("desk-is-full", isFull);
      this.fill.setAttribute("aria-pressed", String(isFull));
      this.stage.focus({ preventScroll: isFull });
    }

    // On a phone photo and buttons fill the window together: bring them there with the first decision.
    bringUp() {
      if (this.isUp || !matchMedia("(max-width: 760px)").matches) return;
      this.isUp = true;
      this.keys.scrollIntoView({ block: "start" });
    }

    // Said again, also where it is what was said last.
    say(words) {
      this.spoken.textContent = "";
      requestAnimationFrame(() => { this.spoken.textContent = words; });
    }
  }

  rangin.Panel = Panel;
})();
