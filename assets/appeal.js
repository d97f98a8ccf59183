// "Which looks more real?": two pictures of one photo, a key, the next two. Pairs are loaded ahead, votes are on their
// way (label_send.js) before the next pair is shown. The page knows a pair by its token and nothing of what it shows.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const { el, keyed } = rangin;
  const NAME = "rangin-name";
  const STUDY = "rangin-study";
  const PAST = 20; // pairs kept in memory for undoing
  const ASK_AGAIN = 5_000; // milliseconds, while there is nothing to vote on
  const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
  const STEERED = "[role=tab], [role=slider], [role=radio], [role=listbox], [role=option], [role=region], summary";

  const now = () => performance.now();

  function makeTrial({ token, left, right }) {
    const load = (source) => {
      const image = new Image();
      image.alt = "";
      image.src = source;
      return image;
    };
    const trial = { token, left: load(left), right: load(right), isReady: false };
    trial.ready = Promise.allSettled([trial.left.decode(), trial.right.decode()]).then(() => { trial.isReady = true; });
    return trial;
  }

  class Appeal {
    constructor(place) {
      this.place = place;
      this.build();
      this.outbox = new rangin.Outbox({
        changed: () => this.sayHowSaved(),
        saved: (letter, answer) => this.onSaved(letter, answer),
        refused: (letter) => this.say(`Not saved: ${letter.why}`),
      });
      this.round = 0;
      this.start();
      this.isNew = true; // for whoever sees it next
      new IntersectionObserver(([seen]) => {
        if (!this.isOnScreen()) this.isNew = true;
        else if (seen.isIntersecting && this.isNew && this.current) {
          this.isNew = false;
          this.bring();
        }
      }).observe(this.body);
      setInterval(() => this.look(), ASK_AGAIN);
    }

    // ---- its elements

    build() {
      this.spoken = el("div", { class: "unseen", role: "status", "aria-live": "polite" });
      this.notice = el("p", { class: "appeal-notice" }, "Loading…");
      this.menu = el("select", { id: "appeal-menu" });
      this.menu.addEventListener("change", () => this.start(Number(this.menu.value)));
      this.label = el("label", { for: this.menu.id }, el("span", {}, "Study"), this.menu);
      this.meter = el("progress", { value: 0, max: 1, "aria-label": "Pairs that you have seen" });
      this.counts = el("p", { class: "appeal-counts" });
      this.saved = el("p", { class: "appeal-saved" });
      this.again = el("button", { type: "button", hidden: true, on: () => this.outbox.retry() }, "Send again");
      this.sides = {};
      for (const [side, shown, words, tall] of [["left", "←", "Left", "Upper"], ["right", "→", "Right", "Lower"]]) {
        const picture = el("span", { class: "appeal-picture" });
        this.sides[side] = el(
          "button", { type: "button", class: "appeal-side", "aria-keyshortcuts": side === "left" ? "ArrowLeft" : "ArrowRight",
            on: () => this.decide(side) },
          picture,
          el("span", { class: "appeal-words" }, el("kbd", { "aria-hidden": "true" }, shown),
            el("span", { class: "when-wide" }, `${words} one`), el("span", { class: "when-tall" }, `${tall} one`))
        );
        this.sides[side].picture = picture;
      }
      this.pair = el(
        "div", { class: "appeal-pair", role: "group", tabindex: "-1", "aria-label": "Two pictures of one photo" },
        this.sides.left, this.sides.right
      );
      this.tie = keyed("Can’t tell", { shown: "T", code: "T ArrowDown" }, { on: () => this.decide("tie") });
      this.back = keyed("Undo", { shown: "U" }, { on: () => this.undo() });
      this.empty = el("p", { class: "appeal-empty", hidden: true });
      this.body = el(
        "div", { class: "appeal-body", hidden: true },
        el("div", { class: "appeal-head" },
          el("h3", {}, "Which looks more real?"),
          el("p", { class: "appeal-hint" }, "The same photo twice. Choose the colours that a camera would have seen; go by your first look.")),
        this.pair, this.empty,
        el("div", { class: "appeal-foot" },
          el("div", { class: "appeal-actions" }, this.tie, this.back),
          el("div", { class: "appeal-bar" }, this.label, this.meter, this.counts, this.saved, this.again))
      );
      this.place.replaceChildren(this.spoken, this.notice, this.body);
    }

    say(words) {
      this.spoken.textContent = words;
    }

    setNotice(words) {
      this.notice.textContent = words || "";
      this.notice.hidden = !words;
      this.body.hidden = Boolean(words);
    }

    // Whoever comes to the section has both pictures and the buttons before them.
    bring() {
      if (this.body.hidden || this.body.getBoundingClientRect().bottom <= innerHeight) return;
      const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.place.scrollIntoView({ block: "start", behavior: isCalm ? "auto" : "smooth" });
    }

    isOnScreen() {
      return this.place.getClientRects().length > 0;
    }

    // ---- beginning

    async start(study = rangin.kept(STUDY, null)) {
      this.round += 1; // answers to questions of an earlier round are not used
      const { round } = this;
      Object.assign(this, { queue: [], past: [], current: null, isFilling: false, isEnd: false, isUndoing: false, study: null });
      this.name = rangin.kept(NAME, "");
      let answer;
      try {
        answer = await rangin.call("vote_open", [this.name]);
      } catch (error) {
        if (round !== this.round) return;
        const isNo = error instanceof rangin.Refused;
        this.setNotice(isNo ? error.message : "The server can’t be reached; trying again.");
        if (!isNo) setTimeout(() => round === this.round && this.start(study), 3000);
        return;
      }
      if (round !== this.round) return;
      if (!answer.may_vote) return this.setNotice(answer.sentence);
      this.who = answer.who;
      this.store = answer.store;
      this.ahead = answer.ahead;
      this.outbox.adopt(this.store, this.who);
      const { studies } = answer;
      if (!studies.length) return this.setNotice("No study takes votes now. An owner of the project sets one up.");
      const chosen = studies.find((one) => one.id === study) || studies.find((one) => one.done < one.total) || studies[0];
      this.study = chosen.id;
      rangin.keep(STUDY, chosen.id);
      this.menu.replaceChildren(...studies.map((one) => new Option(one.name, one.id, false, one === chosen)));
      this.label.hidden = studies.length < 2;
      this.setStanding(chosen);
      this.setNotice(null);
      this.show();
      await this.fill();
    }

    // Studies come and go while the page is open.
    look() {
      if (this.isOnScreen() && this.name !== undefined && !this.current && !this.isUndoing && !this.outbox.waiting.length) {
        if (!this.study || this.isEnd) this.start();
        else this.fill();
      }
    }

    // ---- ahead

    get holding() {
      const held = [...this.queue, this.current].filter(Boolean).map((trial) => trial.token);
      return [...new Set([...held, ...this.outbox.items])];
    }

    async fill() {
      const missing = this.ahead - this.queue.length;
      if (this.isFilling || this.isEnd || !this.study || missing <= 0) return;
      this.isFilling = true;
      const { round } = this;
      const { saves } = this.outbox;
      try {
        // The first one alone, so that it is there at once.
        const answer = await rangin.call("vote_next", [this.who, this.study, this.current ? missing : 1, this.holding]);
        if (round !== this.round) return;
        const known = new Set(this.holding);
        const fresh = answer.trials.filter((trial) => !known.has(trial.token));
        this.queue.push(...fresh.map(makeTrial));
        this.isEnd = !answer.trials.length;
        if (!this.outbox.waiting.length && saves === this.outbox.saves) this.setStanding(answer);
        if (!this.current) this.advance();
      } catch (error) {
        if (round !== this.round) return;
        if (!this.current) this.setNothing(error instanceof rangin.Refused ? error.message : "The server can’t be reached; trying again.");
        return;
      } finally {
        if (round === this.round) this.isFilling = false;
      }
      return this.fill();
    }

    advance() {
      this.current = this.queue.shift() || null;
      this.show();
    }

    // ---- on screen

    async show() {
      const trial = this.current;
      this.since = null;
      if (!trial) {
        this.setNothing(this.isEnd ? "You have seen all pairs of this study. Thank you!" : "Loading the next pair…");
        if (this.isEnd) this.say("You have seen all pairs of this study. Thank you!");
        return;
      }
      if (!trial.isReady) {
        await trial.ready;
        if (this.current !== trial) return;
      }
      this.empty.hidden = true;
      this.pair.hidden = false;
      for (const side of ["left", "right"]) this.sides[side].picture.replaceChildren(trial[side]);
      this.tie.disabled = false;
      this.since = now();
      if (this.isNew && this.isOnScreen()) {
        this.isNew = false;
        this.bring();
      }
      this.say(`Next pair: ${Math.min(this.done + 1, this.total)} of ${this.total}.`);
      if (rangin.pointed && document.activeElement && document.activeElement.closest("[role=tab]")) {
        this.pair.focus({ preventScroll: true }); // the arrow keys then mean the pictures
      }
    }

    setNothing(words) {
      this.empty.textContent = words;
      this.empty.hidden = false;
      this.pair.hidden = true;
      this.tie.disabled = true;
    }

    setStanding({ done, total }) {
      this.done = done;
      this.total = Math.max(total, done);
      this.meter.max = this.total || 1;
      this.meter.value = done;
      this.counts.textContent = `${done.toLocaleString("en")} of ${this.total.toLocaleString("en")} pairs`;
      this.back.disabled = !done;
    }

    // ---- deciding

    decide(choice) {
      const trial = this.current;
      if (!trial || this.since === null) return;
      trial.key = rangin.newKey();
      const seconds = Math.round(now() - this.since) / 1000;
      this.past.push(trial);
      if (this.past.length > PAST) this.past.shift();
      this.setStanding({ done: this.done + 1, total: this.total });
      this.outbox.add({
        event: "vote_choose", key: trial.key, data: [trial.token, choice, trial.key, seconds, "page"],
        item: trial.token, who: this.who, store: this.store,
      });
      this.advance();
      this.fill();
    }

    undo() {
      if (this.isUndoing || !this.study || !this.done) return;
      const trial = this.past.pop();
      const key = rangin.newKey();
      const letter = { event: "vote_undo", key, who: this.who, store: this.store };
      if (trial) {
        this.putBack(trial);
        this.setStanding({ done: this.done - 1, total: this.total });
        this.outbox.add({ ...letter, data: [this.study, key, false], item: trial.token, of: trial.key });
      } else {
        this.isUndoing = true; // the answer says what is to be shown
        this.outbox.add({ ...letter, data: [this.study, key, true], item: null, isBlind: true });
      }
    }

    putBack(trial) {
      this.queue = this.queue.filter((one) => one.token !== trial.token);
      if (this.current) this.queue.unshift(this.current);
      this.current = trial;
      this.isEnd = false;
      this.show();
    }

    onSaved(letter, answer) {
      if (letter.event === "vote_undo" && !answer.isDropped) {
        this.isUndoing = this.isUndoing && !letter.isBlind;
        if (letter.isBlind && answer.undone) this.putBack(makeTrial(answer.undone));
        else if (!letter.isBlind && (!answer.undone || answer.undone.token !== letter.item)) return this.start(); // another window of mine
      }
      if (!this.outbox.waiting.length && answer.total !== undefined) this.setStanding(answer);
    }

    sayHowSaved() {
      const { waiting, refused, failures } = this.outbox;
      const many = waiting.length === 1 ? "1 vote" : `${waiting.length} votes`;
      const [words, state] =
        waiting.length && failures ? [`${many} not saved yet, kept in this browser; trying again`, "failing"]
          : refused.length ? [`Not saved: ${refused[0].why}`, "refused"]
            : waiting.length ? [`Saving ${many}…`, "saving"] : ["All saved", "saved"];
      this.saved.textContent = words;
      this.saved.dataset.state = state;
      this.again.hidden = !(failures || refused.length);
    }
  }

  addEventListener("keydown", (event) => {
    const { appeal } = rangin;
    if (!appeal || appeal.body.hidden || !appeal.isOnScreen() || document.querySelector("dialog[open]")) return;
    if (!rangin.isPlain(event) || event.target.closest(FIELDS)) return;
    const key = rangin.keyOf(event);
    if (key.startsWith("Arrow") && event.target.closest(STEERED)) return;
    const acts = {
      ArrowLeft: () => appeal.decide("left"),
      ArrowRight: () => appeal.decide("right"),
      ArrowDown: () => appeal.decide("tie"),
      t: () => appeal.decide("tie"),
      u: () => appeal.undo(),
    };
    if (!acts[key] || (key === "ArrowDown" && !appeal.current)) return;
    event.preventDefault();
    acts[key]();
  });

  // Who votes may say another name.
  const named = rangin.named || (() => {});
  rangin.named = (name) => {
    named(name);
    if (rangin.appeal && rangin.appeal.name !== rangin.kept(NAME, "")) rangin.appeal.start();
  };

  // Gradio makes the place when its tab is first shown, and may make it anew.
  let isPlanned = false;
  function find() {
    isPlanned = false;
    const place = document.getElementById("appeal");
    if (place && !(rangin.appeal && rangin.appeal.place === place)) rangin.appeal = new Appeal(place);
  }
  new MutationObserver(() => {
    if (!isPlanned) requestAnimationFrame(find);
    isPlanned = true;
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
