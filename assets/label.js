// The labelling desk: which photo is on screen, what a key does, what is loaded ahead. Photos are shown from memory; a
// decision is on its way (label_send.js) before the next photo is painted, and the page says of each when it is saved.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const NAME = "rangin-name";
  const SETTINGS = "rangin-desk";
  const HOLD_EVERY = 40_000; // milliseconds; items are ours for two minutes
  const AWAY = 600_000; // who does nothing for so long no longer keeps them from others
  const LEASE = 120_000;
  const ASK_AGAIN = 10_000; // others may give items back
  const PAST = 40; // photos kept in memory for looking back

  const now = () => performance.now();

  // What the server says of an item, its pictures loading, and what this person decided.
  function makeEntry(item) {
    const load = (source, words) => {
      if (!source) return null;
      const image = new Image();
      image.alt = words;
      image.src = source;
      return image;
    };
    const entry = {
      item,
      image: load(item.picture, `Photo ${item.name}, ${rangin.facesFound(item)}`),
      near: load(item.closeup, `Face ${item.face} from nearby`),
      decision: item.mine,
      event: item.mine ? item.mine.event : null,
      note: item.note,
    };
    delete item.picture; // the images have them
    delete item.closeup;
    const decoded = [entry.image, entry.near].map((image) => image && image.decode());
    entry.ready = Promise.all(decoded).then(() => true, () => {
      entry.image = null;
      return true;
    });
    return entry;
  }

  class Desk {
    constructor(place) {
      this.panel = new rangin.Panel(place, this.acts());
      this.outbox = new rangin.Outbox({
        changed: () => this.sayHowSaved(),
        saved: (letter, answer) => this.onSaved(letter, answer),
        refused: (letter) => this.panel.say(`Not saved: ${letter.why}`),
      });
      this.settings = { batch: null, order: "uploaded", byFace: false, help: false, ...rangin.kept(SETTINGS, {}) };
      this.round = 0;
      this.clear();
      this.lastActive = this.lastHeld = now();
      this.start();
      setInterval(() => this.hold(), HOLD_EVERY);
      setInterval(() => this.fill(), ASK_AGAIN);
    }

    acts() {
      return {
        label: (label) => this.decide({ kind: "label", label: label.id, word: label.name }),
        skip: () => this.decide({ kind: "skip", label: null, word: "" }),
        giveReason: (reason) => this.decide({ kind: "unusable", label: null, word: reason }),
        unusable: () => this.ask(this.panel.reasonWindow),
        note: () => this.ask(this.panel.noteWindow),
        saveNote: (words) => this.saveNote(words),
        undo: () => this.undo(),
        back: () => this.look(1),
        forward: () => this.look(-1),
        toggleHelp: () => this.toggleHelp(),
        toggleFill: () => this.toggleFill(),
        choose: (menu) => this.choose(menu),
        retry: () => this.outbox.retry(),
        letGo: () => {
          if (confirm("Forget what the server refused? It is in no list then.")) this.outbox.letGo();
        },
      };
    }

    clear() {
      this.round += 1; // answers to questions of an earlier round are not used
      this.queue = [];
      this.current = null;
      this.past = []; // oldest first
      this.back = 0; // steps from the present
      this.steps = []; // what this page can undo without asking
      this.isFilling = this.isEmpty = this.isPastAll = this.isLooking = false;
      this.shown = null;
    }

    // ---- beginning

    async start() {
      this.clear();
      const round = this.round;
      this.who = rangin.kept(NAME, "");
      let answer;
      try {
        answer = await rangin.call("label_desk", [this.who, this.settings.batch, this.settings.byFace]);
      } catch (error) {
        if (round !== this.round) return;
        const isNo = error instanceof rangin.Refused;
        this.panel.setNotice(isNo ? error.message : "The server can’t be reached; trying again.");
        if (!isNo) setTimeout(() => round === this.round && this.start(), 3000);
        return;
      }
      if (round !== this.round) return;
      if (answer.role === "visitor") return this.panel.setNotice(answer.sentence);
      this.who = answer.who;
      this.store = answer.store;
      this.ahead = answer.ahead;
      this.settings.batch = answer.batch;
      if (!(this.settings.order in answer.orders)) this.settings.order = "uploaded";
      this.outbox.adopt(this.store, this.who);
      if (answer.batch === null) {
        return this.panel.setNotice("There are no photos yet. An owner of the project adds some in “Photos”.");
      }
      this.panel.setMenus(answer, this.settings);
      this.panel.setReasons(answer.reasons);
      this.panel.setGuidelines(answer.guidelines);
      this.progress = answer.progress;
      this.panel.setProgress(answer.progress);
      this.setLabels(answer.labels);
      this.panel.setNotice(null);
      this.show();
      await this.fill();
      this.loadPast();
    }

    // Where the desk comes on screen again: batches, labels and guidelines may be others by now.
    async refresh() {
      if (!this.current || this.isAway()) return this.start();
      const round = this.round;
      try {
        const answer = await rangin.call("label_desk", [this.who, this.settings.batch, this.settings.byFace]);
        if (round !== this.round) return;
        if (answer.role === "visitor" || answer.batch !== this.settings.batch) return this.start();
        this.panel.setMenus(answer, this.settings);
        this.panel.setGuidelines(answer.guidelines);
        this.setLabels(answer.labels);
      } catch {
        // The next question will say so.
      }
    }

    setLabels(labels) {
      const wanted = JSON.stringify(labels);
      if (wanted === this.labelsAre) return;
      if (this.labelsAre) this.panel.say("The labels have changed.");
      this.labelsAre = wanted;
      this.labels = labels;
      this.panel.setLabels(labels);
      if (this.shown) this.panel.mark(this.shown.decision);
    }

    // ---- ahead

    get holding() {
      const entries = [...this.queue, this.current].filter(Boolean);
      return [...new Set([...entries.map((entry) => entry.item.id), ...this.outbox.items])];
    }

    async fill() {
      const missing = this.ahead - this.queue.length;
      const isDue = missing > 2 || !this.current || !this.queue.length;
      if (this.isFilling || !this.store || !isDue || missing <= 0 || this.isAway() || this.panel.body.hidden) return;
      this.isFilling = true;
      const { round, settings } = this;
      // The first one alone, so that it is there at once.
      const count = this.current ? Math.min(missing, 5) : 1;
      try {
        const answer = await rangin.call(
          "label_next", [this.who, settings.batch, settings.order, settings.byFace, count, this.holding]
        );
        if (round !== this.round) return;
        this.lastHeld = now();
        const known = new Set([...this.holding, ...(this.back ? this.past.map((entry) => entry.item.id) : [])]);
        const fresh = answer.items.filter((item) => !known.has(item.id));
        this.queue.push(...fresh.map(makeEntry));
        this.isEmpty = !fresh.length;
        this.progress = answer.progress;
        this.panel.setProgress(answer.progress);
        this.setLabels(answer.labels);
        if (!this.current) this.advance(this.isEmpty ? this.nothingLeft(answer) : "");
      } catch (error) {
        if (round !== this.round) return;
        this.isEmpty = true;
        const isNo = error instanceof rangin.Refused;
        if (!this.current) this.panel.setEmpty(isNo ? error.message : "The server can’t be reached; trying again.");
      } finally {
        if (round === this.round) this.isFilling = false;
      }
      if (!this.isEmpty) return this.fill();
    }

    nothingLeft({ progress, survey }) {
      if (survey && survey[0] < survey[1]) {
        return `Faces have been looked for in ${survey[0]} of ${survey[1]} photos; more come as they are found.`;
      }
      if (!progress.total) return this.settings.byFace ? "No faces were found here." : "This batch has no photos yet.";
      if (this.settings.order === "skipped") return "You have skipped nothing here that is still open.";
      if (this.settings.order === "mistakes") return "No labels here that the model doubts and you haven’t looked at.";
      const skipped = progress.skipped ? ` You skipped ${progress.skipped}: choose the order “what I skipped”.` : "";
      if (progress.done < progress.total) return `Nothing is left for you now; the rest is with others.${skipped}`;
      return `All ${progress.total.toLocaleString("en")} are judged. Thank you!${skipped}`;
    }

    // The next one from the queue.
    advance(otherwise = "") {
      this.current = this.queue.shift() || null;
      this.otherwise = otherwise;
      this.show();
    }

    // ---- on screen

    async show() {
      const entry = this.back ? this.past[this.past.length - this.back] : this.current;
      this.shown = entry;
      this.since = null;
      this.seen = null;
      if (!entry) {
        this.panel.setEmpty(this.otherwise || "Loading the next photo…");
        if (this.otherwise) this.tellNext();
        return;
      }
      if (!entry.isReady) {
        entry.isReady = await entry.ready;
        if (this.shown !== entry) return;
      }
      this.panel.setPhoto(entry, this.progress.total.toLocaleString("en"));
      this.panel.setVerdict(entry, this.back);
      this.seen = this.panel.setGuess(entry, this.settings.help);
      this.since = now();
      this.tellNext();
    }

    // For screen readers: what is saved, then what is next; when both are known.
    tellNext(saved = "") {
      this.told = saved || this.told || "";
      const { shown } = this;
      if (this.told && this.outbox.waiting.length) return; // said when it is true
      const next = shown ? `${shown.item.name}, ${rangin.facesFound(shown.item)}.` : this.otherwise || "Loading.";
      const decided = shown && shown.decision ? ` You said ${rangin.decided(shown.decision)}.` : "";
      this.panel.say(`${this.told} ${this.back ? `${this.back} back: ` : shown ? "Next: " : ""}${next}${decided}`.trim());
      this.told = "";
    }

    // ---- deciding

    decide(decision) {
      const entry = this.shown;
      if (!entry || this.since === null) return this.panel.say("Wait: the photo is still loading.");
      const key = this.send(entry, decision, decision.word);
      this.steps.push({ key, entry, was: entry.decision, isFirst: !this.back });
      this.count(entry.decision, decision);
      entry.decision = decision;
      if (this.back) {
        this.back -= 1;
        this.show();
      } else {
        this.past.push(entry);
        if (this.past.length > PAST + 10) {
          this.past.splice(0, this.past.length - PAST);
          this.isPastAll = false;
        }
        this.advance();
        this.fill();
      }
      this.loadPast();
    }

    saveNote(words) {
      const entry = this.shown;
      if (!entry || words === entry.note) return;
      const key = this.send(entry, { kind: "note", label: null }, words);
      this.steps.push({ key, entry, was: entry.note, isNote: true });
      entry.note = words;
      this.panel.setVerdict(entry, this.back);
    }

    send(entry, { kind, label }, word) {
      const key = rangin.newKey();
      const help = this.seen && { face: this.seen.number, probabilities: this.seen.probabilities };
      const seconds = this.since === null ? null : Math.round(now() - this.since) / 1000;
      const data = [key, entry.item.id, kind, label, kind === "label" ? "" : word, help || null, seconds, "page"];
      this.outbox.add({ event: "label_decide", key, data, item: entry.item.id, who: this.who, store: this.store, said: word || kind });
      return key;
    }

    // Until the server's next count.
    count(was, is) {
      const counts = (decision) => Boolean(decision && decision.kind !== "skip");
      const step = counts(is) - counts(was);
      this.progress.mine += step;
      this.progress.judged = Math.min(this.progress.total, this.progress.judged + step);
      this.panel.setProgress(this.progress);
    }

    onSaved(letter, answer) {
      const entry = [...this.past, this.current, ...this.queue].find((one) => one && one.item.id === letter.item);
      if (letter.event === "label_decide") {
        if (entry && letter.data[2] !== "note") entry.event = answer.event;
        return this.tellNext(`${letter.said || "Note"} saved.`);
      }
      if (answer.isDropped) return;
      if (letter.isBlind) this.isUndoing = false;
      if (!answer.undone) return this.panel.say("There is nothing to undo.");
      if (entry && answer.item.mine) entry.event = answer.item.mine.event;
      if (letter.isBlind) this.putBack(makeEntry(answer.item));
      else if (answer.undone.item !== letter.item) return this.start(); // another window of mine was quicker
      this.progress = answer.progress;
      this.panel.setProgress(answer.progress);
      this.tellNext(`Undone: ${answer.undone.word || answer.undone.kind}.`);
    }

    // ---- undoing

    undo() {
      if (this.isUndoing || !this.store) return;
      const step = this.steps.pop();
      const isHere = step && (step.isNote ? this.isOnDesk(step.entry) : this.past.includes(step.entry));
      const key = rangin.newKey();
      const { batch, byFace } = this.settings;
      const letter = { event: "label_undo", key, who: this.who, store: this.store, of: step ? step.key : null };
      const data = [key, batch, byFace, !isHere, "page"];
      if (isHere) {
        if (step.isNote) {
          step.entry.note = step.was;
          this.goTo(step.entry);
        } else {
          this.count(step.entry.decision, step.was);
          step.entry.decision = step.was;
          if (step.isFirst) this.putBack(step.entry);
          else this.goTo(step.entry);
        }
      } else {
        this.isUndoing = true; // the answer says what is to be shown
      }
      this.outbox.add({ ...letter, data, item: isHere ? step.entry.item.id : null, isBlind: !isHere });
    }

    isOnDesk(entry) {
      return entry === this.current || this.past.includes(entry);
    }

    // An item whose decision was taken back is to be decided again, before all others.
    putBack(entry) {
      this.past = this.past.filter((one) => one.item.id !== entry.item.id);
      this.queue = this.queue.filter((one) => one.item.id !== entry.item.id);
      if (this.current && this.current.item.id !== entry.item.id) this.queue.unshift(this.current);
      this.current = entry;
      this.back = 0;
      this.show();
    }

    goTo(entry) {
      const place = this.past.indexOf(entry);
      this.back = place < 0 ? 0 : this.past.length - place;
      this.show();
    }

    // ---- looking back

    async look(step) {
      const back = this.back + step;
      if (back < 0) return this.panel.say("This is the photo to label now; S skips it.");
      if (back > this.past.length) await this.loadPast(true);
      if (back > this.past.length) return this.panel.say("This is the first one that you decided here.");
      this.back = back;
      this.show();
      this.loadPast();
    }

    // Earlier decisions, while there are fewer than a few before the one on screen.
    async loadPast(isNow = false) {
      const left = this.past.length - this.back;
      const oldest = this.past.find((entry) => entry.event);
      if (this.isLooking || this.isPastAll || left > 3 || (this.past.length && !oldest)) return;
      if (!isNow && this.past.length && !this.back) return;
      this.isLooking = true;
      const { round, settings } = this;
      try {
        const answer = await rangin.call(
          "label_back", [this.who, settings.batch, settings.byFace, oldest ? oldest.event : null, 5]
        );
        if (round !== this.round) return;
        const known = new Set([...this.past.map((entry) => entry.item.id), ...this.holding]);
        const older = answer.items.filter((item) => !known.has(item.id)).map(makeEntry);
        this.past.unshift(...older.reverse());
        this.isPastAll = !answer.items.length;
      } catch {
        // Asked again with the next step.
      } finally {
        if (round === this.round) this.isLooking = false;
      }
    }

    // ---- choices

    ask(dialog) {
      if (!this.shown || this.since === null) return;
      if (dialog === this.panel.noteWindow) this.panel.noteField.value = this.shown.note;
      dialog.showModal();
    }

    choose(menu) {
      const { batch, order, unit } = this.panel;
      this.settings = {
        ...this.settings, batch: Number(batch.value), order: order.value, byFace: unit.value === "face",
      };
      rangin.keep(SETTINGS, this.settings);
      this.giveBack();
      this.start();
      if (rangin.pointed) this.panel.stage.focus({ preventScroll: true }); // keys mean labels again
      else menu.focus();
    }

    toggleHelp() {
      this.settings.help = !this.settings.help;
      rangin.keep(SETTINGS, this.settings);
      // What was on screen once is told with the label, also where it is hidden again.
      const seen = this.panel.setGuess(this.since === null ? null : this.shown, this.settings.help);
      this.seen = seen || this.seen;
      this.panel.say(this.settings.help ? "The model’s guess is shown." : "The model’s guess is hidden.");
    }

    toggleFill() {
      const isFull = this.panel.place.classList.toggle("is-full");
      document.documentElement.classList.toggle("desk-is-full", isFull);
      this.panel.fill.setAttribute("aria-pressed", String(isFull));
      this.panel.stage.focus({ preventScroll: isFull });
    }

    // ---- with others

    isAway() {
      return now() - this.lastActive > AWAY;
    }

    touch() {
      const wasAway = now() - this.lastHeld > LEASE;
      this.lastActive = now();
      if (!wasAway || !this.store) return;
      this.lastHeld = now();
      this.queue = []; // they may be with others by now
      this.fill();
    }

    async hold() {
      if (this.isAway() || !this.store || !this.holding.length) return;
      const entries = [this.current, ...this.queue].filter(Boolean);
      const unknown = entries.filter((entry) => !entry.item.is_surveyed).map((entry) => entry.item.id);
      const round = this.round;
      try {
        const answer = await rangin.call("label_hold", [this.who, this.holding, false, unknown]);
        if (round !== this.round) return;
        this.lastHeld = now();
        for (const item of answer.items) {
          const entry = entries.find((one) => one.item.id === item.id);
          Object.assign(entry.item, { faces: item.faces, is_surveyed: true });
          if (entry === this.shown && this.since !== null) {
            this.panel.setPhoto(entry, this.progress.total.toLocaleString("en"));
            this.seen = this.panel.setGuess(entry, this.settings.help) || this.seen;
          }
        }
      } catch {
        // Their lease may end; nothing is lost by that.
      }
    }

    giveBack() {
      if (!this.store) return;
      const unsent = new Set(this.outbox.items);
      const items = this.holding.filter((item) => !unsent.has(item));
      if (items.length) rangin.call("label_hold", [this.who, items, true], { keepalive: true }).catch(() => {});
    }

    sayHowSaved() {
      const { waiting, refused, failures, trouble } = this.outbox;
      const many = rangin.counted(waiting.length, "decision");
      const { panel } = this;
      if (waiting.length && failures) {
        panel.setSaved(`${many} not saved yet, kept in this browser; trying again (${trouble})`, "failing");
        if (failures === 2) panel.say(`${many} not saved yet; trying again.`);
      } else if (refused.length) {
        panel.setSaved(`Not saved: ${rangin.counted(refused.length, "decision")}. ${refused[0].why}`, "refused");
      } else if (waiting.length) panel.setSaved(`Saving ${many}…`, "saving");
      else panel.setSaved("All saved", "saved");
    }
  }

  rangin.Desk = Desk;
  // Who labels: asked once, and told by the tab's field (labeling/tab.py).
  rangin.savedName = () => rangin.kept(NAME, "");
  rangin.named = (name) => {
    if (rangin.kept(NAME, "") === name.trim()) return;
    rangin.keep(NAME, name.trim());
    if (rangin.desk) {
      rangin.desk.giveBack();
      rangin.desk.start();
    }
  };
})();
