// How the labelling desk talks to the server. A decision goes into the browser's own storage first and leaves it when the
// server has said that it is on disk: neither a lost network nor a closed page loses it, and its key makes it one event
// however often it is sent.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const PREFIX = "rangin-unsent-";
  const LONGEST_PAUSE = 20_000; // milliseconds between two tries
  const PATIENCE = 20_000; // milliseconds for an answer

  // The server understood and said no, in a sentence.
  class Refused extends Error {}

  function address(name) {
    const { root, api_prefix: prefix } = window.gradio_config;
    const url = new URL(`${root}${prefix}/run/${name}`, location.href);
    if (url.host === location.host) url.protocol = location.protocol; // behind a proxy the server may not know it
    return url;
  }

  const plain = (html) => html.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

  // One request; its answer, or Refused, or another error when trying again may help.
  async function call(name, data, options = {}) {
    const request = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ data }),
      signal: AbortSignal.timeout(options.patience || PATIENCE),
      keepalive: Boolean(options.keepalive),
    };
    const answer = await fetch(address(name), request).catch((error) => { // whose words every browser chooses for itself
      throw new Error(error.name === "TimeoutError" ? "the server takes too long" : "the server can’t be reached");
    });
    if (answer.ok) return (await answer.json()).data[0];
    let said = null;
    try {
      said = (await answer.json()).error;
    } catch {
      said = null; // a proxy's page
    }
    if (said) throw new Refused(plain(said));
    throw new Error(`the server answered ${answer.status}`);
  }

  function newKey() {
    if (crypto.randomUUID) return crypto.randomUUID(); // only over HTTPS and on one's own machine
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function keep(name, value) {
    try {
      localStorage.setItem(name, JSON.stringify(value));
      return true;
    } catch {
      return false; // full or forbidden: it is only in memory then, and leaving the page is asked about
    }
  }

  function kept(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  function drop(name) {
    try {
      localStorage.removeItem(name);
    } catch {
      // Then nothing was kept either.
    }
  }

  function names() {
    try {
      return Object.keys(localStorage);
    } catch {
      return []; // forbidden
    }
  }

  // Decisions in the order in which they were made, sent one after the other.
  class Outbox {
    // heard: changed(), saved(letter, answer), refused(letter).
    constructor(heard) {
      this.heard = heard;
      this.waiting = [];
      this.refused = [];
      this.trouble = "";
      this.count = 0;
      this.isSending = false;
      this.failures = 0;
      this.saves = 0; // a count asked for before one of them is older than its answer
      this.wake = () => {};
      addEventListener("online", () => this.retry());
      addEventListener("beforeunload", (event) => {
        if (this.waiting.some((letter) => !letter.isKept) || this.failures) event.preventDefault();
      });
    }

    // Take up what an earlier page of this person, for this very store, could not send. Outboxes that share a page name
    // their stores apart.
    adopt(store, who) {
      const here = new Set([...this.waiting, ...this.refused].map((letter) => letter.key));
      const found = names()
        .filter((name) => name.startsWith(PREFIX))
        .map((name) => kept(name, null))
        .filter((letter) => letter && letter.store === store && letter.who === who && !here.has(letter.key));
      found.sort((one, other) => one.order - other.order);
      this.waiting = [...found, ...this.waiting];
      this.heard.changed();
      this.send();
      return found.length;
    }

    // letter: event (name of the endpoint), data (its parameters after the name), item, store, who; of: undone key.
    add(letter) {
      this.count += 1;
      letter.order = Date.now() + (this.count % 1000) / 1000;
      letter.isKept = keep(PREFIX + letter.key, letter);
      this.waiting.push(letter);
      this.heard.changed();
      this.send();
    }

    get items() {
      return this.waiting.map((letter) => letter.item).filter(Boolean);
    }

    retry() {
      this.waiting = [...this.refused.splice(0), ...this.waiting].sort((one, other) => one.order - other.order);
      this.heard.changed();
      this.wake();
      this.send();
    }

    letGo() {
      for (const letter of this.refused.splice(0)) drop(PREFIX + letter.key);
      this.heard.changed();
    }

    async send() {
      if (this.isSending) return;
      this.isSending = true;
      while (this.waiting.length) await this.sendFirst();
      this.isSending = false;
    }

    async sendFirst() {
      const letter = this.waiting[0];
      const undone = letter.of ? this.refused.findIndex((one) => one.key === letter.of) : -1;
      if (undone >= 0) { // the server never took what is undone here: undoing there would take back something else
        drop(PREFIX + this.refused.splice(undone, 1)[0].key);
        this.finish(letter, { undone: null, isDropped: true });
        return;
      }
      try {
        const answer = await call(letter.event, [letter.who, ...letter.data]);
        if (answer.later) throw new Error(answer.later);
        this.finish(letter, answer);
      } catch (error) {
        if (error instanceof Refused) {
          this.remove(letter);
          letter.why = error.message;
          this.refused.push(letter);
          this.heard.refused(letter);
          this.heard.changed();
          return;
        }
        this.failures += 1;
        this.trouble = error.message;
        this.heard.changed();
        await this.pause(Math.min(LONGEST_PAUSE, 500 * 2 ** Math.min(this.failures, 8)));
      }
    }

    // Not simply the first: others may have been put before it while it was under way.
    remove(letter) {
      this.waiting = this.waiting.filter((one) => one !== letter);
    }

    finish(letter, answer) {
      this.remove(letter);
      drop(PREFIX + letter.key);
      this.failures = 0;
      this.saves += 1;
      this.trouble = "";
      this.heard.saved(letter, answer);
      this.heard.changed();
    }

    pause(milliseconds) {
      return new Promise((done) => {
        const timer = setTimeout(done, milliseconds);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  Object.assign(rangin, { Refused, call, newKey, keep, kept, Outbox });
})();
