// The labelling desk: which photo is on screen, and what is decided about it. Photos are shown from memory; a decision is
// on its way (label_send.js) before the next photo is painted, and the page says of each when it is saved.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const NAME = "rangin-name";
  const SETTINGS = "rangin-desk";
  const LOOK_EVERY = 3000; // milliseconds
  const ASK_AGAIN = 10_000; // others may give items back
  const START_AGAIN = 3000;

  const now = () => performance.now();

  class Desk {
    constructor(place) {
      this.panel = new rangin.Panel(place, this.acts());
      this.outbox = new rangin.Outbox({
        changed: () => this.panel.setOutbox(this.outbox),
        saved: (letter, answer) => this.onSaved(letter, answer),
        refused: (letter) => this.onRefused(letter),
      });
      this.settings = { batch: null, order: "uploaded", byFace: false, help: false, ...rangin.kept(SETTINGS, {}) };
      this.feed = new rangin.Feed(this);
      this.start();
      setInterval(() => this.feed.hold(), LOOK_EVERY);
      setInterval(() => this.feed.fill(), ASK_AGAIN);
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
        toggleFill: () => this.panel.toggleFill(),
        choose: (menu) => this.choose(menu),
        retry: () => this.outbox.retry(),
        letGo: () => {
          if (confirm("Forget what the server refused? It is in no list then.")) this.outbox.letGo();
        },
      };
    }

    // ---- beginning

    async open() {
      return rangin.call("label_desk", [this.who, this.settings.batch, this.settings.byFace]);
    }

    async start() {
      this.feed.clear();
      this.progress = null;
      Object.assign(this, { back: 0, steps: [], shown: null, since: null, isUndoing: false, otherwise: "" });
      const { round } = this.feed;
      this.who = rangin.savedName();
      this.isStarting = true;
      this.panel.setEmpty("Loading the next photo…");
      let answer;
      try {
        answer = await this.open();
      } catch (error) {
        if (round !== this.feed.round) return;
        this.isStarting = false;
        const isNo = error instanceof rangin.Refused;
        this.panel.setNotice(isNo ? error.message : "The server can’t be reached; trying again.");
        if (!isNo) setTimeout(() => round === this.feed.round && this.start(), START_AGAIN);
        return;
      }
      if (round !== this.feed.round) return;
      this.isStarting = false;
      if (answer.role === "visitor") {
        this.panel.setNotice(answer.sentence);
        return;
      }
      Object.assign(this, { who: answer.who, store: answer.store, ahead: answer.ahead });
      this.settings.batch = answer.batch;
      if (!(this.settings.order in answer.orders)) this.settings.order = "uploaded";
      this.outbox.adopt(this.store, this.who);
      if (answer.batch === null) {
        this.panel.setNotice("There are no photos yet. An owner of the project adds some in “Photos”.");
        return;
      }
      this.panel.setReasons(answer.reasons);
      this.furnish(answer);
      this.setProgress(answer.progress);
      this.panel.setNotice(null);
      this.panel.takeFocus();
      this.show();
      this.feed.isOpen = true;
      await this.feed.fill();
      await this.feed.lookBehind(0);
    }

    // Where the desk comes on screen again: batches, labels and guidelines may be others by now.
    async refresh() {
      this.panel.takeFocus();
      if (this.isStarting) return;
      if (!this.feed.current) {
        await this.start();
        return;
      }
      const { round } = this.feed;
      try {
        const answer = await this.open();
        if (round !== this.feed.round) return;
        if (answer.role === "visitor" || answer.batch !== this.settings.batch) await this.start();
        else this.furnish(answer);
      } catch {
        // The next question will say so.
      }
    }

    furnish(answer) {
      this.panel.setMenus(answer, this.settings);
      this.panel.setGuidelines(answer.guidelines);
      this.setLabels(answer.labels);
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

    // The server's count; while decisions are on their way, our own is the newer one.
    setProgress(progress) {
      if (this.progress && this.outbox.waiting.length) return;
      this.progress = progress;
      this.panel.setProgress(progress);
    }

    // ---- what comes

    came(answer, isEmpty, isOutdated) {
      if (!isOutdated) this.setProgress(answer.progress);
      this.setLabels(answer.labels);
      if (this.feed.current) return;
      this.otherwise = isEmpty ? rangin.nothingLeft(answer, this.settings) : "";
      this.feed.next();
      if (!this.back) this.show();
    }

    failed(error) {
      if (this.feed.current) return;
      const isNo = error instanceof rangin.Refused;
      this.otherwise = isNo ? error.message : "The server can’t be reached; trying again.";
      if (!this.back) this.show();
    }

    surveyed(entry) {
      if (entry !== this.shown || this.since === null) return;
      this.panel.setPhoto(entry, this.progress.total);
      this.see();
    }

    // ---- on screen

    async show() {
      const { past, current } = this.feed;
      const entry = this.back ? past[past.length - this.back] : current;
      Object.assign(this, { shown: entry, since: null, seen: null });
      if (!entry) {
        this.panel.setEmpty(this.otherwise || "Loading the next photo…");
        if (this.otherwise) this.tell();
        return;
      }
      if (!entry.isReady) {
        await entry.ready;
        if (this.shown !== entry) return;
      }
      this.panel.setPhoto(entry, this.progress.total);
      this.panel.setVerdict(entry, this.back);
      this.see();
      this.since = now();
      this.tell();
    }

    // What of the model's help is on screen. Once seen it goes with the label, also where it is hidden again.
    see() {
      this.seen = this.panel.setGuess(this.shown, this.settings.help) || this.seen;
    }

    // To screen readers: what is saved, then what is next; said when both are true.
    tell(saved = "") {
      this.told = saved || this.told || "";
      const { shown } = this;
      const isComing = shown ? this.since === null : !this.otherwise;
      if (isComing || (this.outbox.waiting.length && !this.outbox.failures)) return;
      const place = this.back ? `${this.back} back: ` : shown ? "Next: " : "";
      const next = shown ? `${shown.item.name}, ${rangin.facesFound(shown.item)}.` : this.otherwise;
      const decided = shown && shown.decision ? ` You said ${rangin.decided(shown.decision)}.` : "";
      this.panel.say(`${this.told} ${place}${next}${decided}`.trim());
      this.told = "";
    }

    // ---- deciding

    decide(decision) {
      const entry = this.shown;
      if (!entry || this.since === null) {
        this.panel.say("Wait: the photo is still loading.");
        return;
      }
      const key = this.send(entry, decision, decision.word);
      this.steps.push({ key, entry, was: entry.decision, isFirst: !this.back });
      this.count(entry.decision, decision);
      entry.decision = decision;
      this.panel.bringUp();
      if (this.back) {
        this.back -= 1;
      } else {
        this.feed.keep();
        this.otherwise = "";
        this.feed.next();
      }
      this.show();
      this.feed.fill();
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
      const said = { label: word, unusable: `Unusable, ${word},`, skip: "Skip", note: "Note" }[kind];
      this.outbox.add({
        event: "label_decide", key, data, kind, said, item: entry.item.id, who: this.who, store: this.store,
      });
      return key;
    }

    // Until the server's next count.
    count(was, is) {
      const counts = (decision) => Boolean(decision && decision.kind !== "skip");
      const skips = (decision) => Boolean(decision && decision.kind === "skip");
      const step = counts(is) - counts(was);
      const { total, judged, mine, skipped } = this.progress;
      Object.assign(this.progress, {
        mine: mine + step, judged: Math.min(total, judged + step), skipped: skipped + skips(is) - skips(was),
      });
      this.panel.setProgress(this.progress);
    }

    onSaved(letter, answer) {
      const entry = this.feed.find(letter.item);
      if (answer.progress) this.setProgress(answer.progress);
      if (letter.event === "label_decide") {
        if (entry && letter.kind !== "note") entry.event = answer.event;
        this.tell(`${letter.said} saved.`);
        return;
      }
      if (letter.isBlind) this.isUndoing = false;
      if (answer.isDropped) return;
      if (!answer.undone) {
        this.panel.say("There is nothing to undo.");
        return;
      }
      if (letter.isBlind) this.restore(rangin.makeEntry(answer.item));
      else if (answer.undone.item !== letter.item) this.start(); // another window of mine was quicker
      else if (entry && answer.item.mine) entry.event = answer.item.mine.event;
      this.tell(`Undone: ${answer.undone.word || answer.undone.kind}.`);
    }

    // What we counted as ours isn't; and labels may be others by now.
    async onRefused(letter) {
      this.panel.say(`Not saved: ${letter.why}`);
      const { round } = this.feed;
      const answer = await this.open().catch(() => null);
      if (!answer || round !== this.feed.round || answer.batch !== this.settings.batch) return;
      this.furnish(answer);
      this.setProgress(answer.progress);
    }

    // ---- undoing and looking back

    undo() {
      if (this.isUndoing || !this.feed.isOpen) return;
      const step = this.steps.pop();
      const { past, current } = this.feed;
      const isHere = Boolean(step) && (past.includes(step.entry) || (step.isNote && step.entry === current));
      const { batch, byFace } = this.settings;
      const key = rangin.newKey();
      this.isUndoing = !isHere; // then the answer says what is to be shown
      if (isHere) this.takeBack(step);
      this.outbox.add({
        event: "label_undo", key, data: [key, batch, byFace, !isHere, "page"], of: step ? step.key : null,
        item: isHere ? step.entry.item.id : null, isBlind: !isHere, who: this.who, store: this.store,
      });
    }

    takeBack(step) {
      const { entry, was } = step;
      if (step.isNote) {
        entry.note = was;
      } else {
        this.count(entry.decision, was);
        entry.decision = was;
        if (step.isFirst) {
          this.restore(entry);
          return;
        }
      }
      const place = this.feed.past.indexOf(entry);
      this.back = place < 0 ? 0 : this.feed.past.length - place;
      this.show();
    }

    restore(entry) {
      this.feed.putBack(entry);
      this.back = 0;
      this.show();
    }

    async look(step) {
      const back = this.back + step;
      if (back < 0) {
        this.panel.say("This is the photo to label now; S skips it.");
        return;
      }
      if (back > this.feed.past.length) await this.feed.lookBehind(this.back);
      if (back > this.feed.past.length) {
        this.panel.say("This is the first one that you decided here.");
        return;
      }
      this.back = back;
      this.show();
      this.feed.lookBehind(this.back);
    }

    // ---- choices

    ask(dialog) {
      if (!this.shown || this.since === null) return;
      if (dialog === this.panel.noteWindow) this.panel.noteField.value = this.shown.note;
      dialog.showModal();
    }

    choose(menu) {
      const { batch, order, unit } = this.panel;
      this.feed.giveBack();
      Object.assign(this.settings, { batch: Number(batch.value), order: order.value, byFace: unit.value === "face" });
      rangin.keep(SETTINGS, this.settings);
      this.start();
      if (rangin.pointed) this.panel.stage.focus({ preventScroll: true }); // keys mean labels again
      else menu.focus();
    }

    toggleHelp() {
      this.settings.help = !this.settings.help;
      rangin.keep(SETTINGS, this.settings);
      if (this.since === null) this.panel.setGuess(null, this.settings.help);
      else this.see();
      this.panel.say(`The model’s guess is ${this.settings.help ? "shown" : "hidden"}.`);
    }
  }

  rangin.Desk = Desk;
  // Who labels: asked once, and told by the tab's field (labeling/tab.py).
  rangin.savedName = () => rangin.kept(NAME, "");
  rangin.named = (name) => {
    if (rangin.savedName() === name.trim()) return;
    rangin.keep(NAME, name.trim());
    if (!rangin.desk) return;
    rangin.desk.feed.giveBack();
    rangin.desk.start();
  };
})();
