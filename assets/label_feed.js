// The photos around the one on the desk: those ahead, loaded before they are needed and ours while we sit here, and those
// behind, for looking back. What is done with them stands in label.js.
(() => {
  "use strict";
  const rangin = (window.rangin = window.rangin || {});
  const AWAY = 600_000; // milliseconds; who does nothing for so long no longer keeps items from others
  const LEASE = 120_000; // so long items stay ours that nobody renews
  const RENEW = 40_000;
  const AT_ONCE = 5; // photos of one answer
  const PAST = 40; // photos kept in memory for looking back

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
      isReady: false,
    };
    delete item.picture; // the images have them
    delete item.closeup;
    const decoded = [entry.image, entry.near].map((image) => image && image.decode());
    entry.ready = Promise.all(decoded).catch(() => { entry.image = null; }).then(() => { entry.isReady = true; });
    return entry;
  }

  class Feed {
    // desk: who, settings and outbox; hears came(answer, isEmpty), failed(error), surveyed(entry).
    constructor(desk) {
      this.desk = desk;
      this.round = 0;
      this.lastActive = this.lastHeld = performance.now();
      this.clear();
    }

    clear() {
      this.round += 1; // answers to questions of an earlier round are not used
      this.queue = [];
      this.current = null;
      this.past = []; // oldest first
      this.isOpen = this.isFilling = this.isPastAll = false;
      this.looking = null;
    }

    async ask(name, ...data) {
      const { who, settings } = this.desk;
      const round = this.round;
      const given = name === "label_hold" ? [who, ...data] : [who, settings.batch, ...data];
      const answer = await rangin.call(name, given);
      return round === this.round ? answer : null;
    }

    // ---- ahead

    get holding() {
      const entries = [this.current, ...this.queue].filter(Boolean);
      return [...new Set([...entries.map((entry) => entry.item.id), ...this.desk.outbox.items])];
    }

    // Load what is missing, a few at a time; the first one alone, so that it is there at once.
    async fill() {
      const missing = this.desk.ahead - this.queue.length;
      const isDue = missing > 2 || !this.current || !this.queue.length;
      if (!this.isOpen || this.isFilling || !isDue || this.isAway()) return;
      this.isFilling = true;
      const { round } = this;
      const { saves } = this.desk.outbox;
      const { order, byFace } = this.desk.settings;
      let isEmpty = true;
      try {
        const count = this.current ? Math.min(missing, AT_ONCE) : 1;
        const answer = await this.ask("label_next", order, byFace, count, this.holding);
        if (!answer) return;
        this.lastHeld = performance.now();
        const here = new Set(this.holding); // it may be another list by now
        const fresh = answer.items.filter((item) => !here.has(item.id));
        this.queue.push(...fresh.map(makeEntry));
        isEmpty = !fresh.length;
        this.desk.came(answer, isEmpty, saves !== this.desk.outbox.saves);
      } catch (error) {
        if (round === this.round) this.desk.failed(error);
      } finally {
        if (round === this.round) this.isFilling = false;
      }
      if (round === this.round && !isEmpty) await this.fill();
    }

    next() {
      this.current = this.queue.shift() || null;
    }

    // An item is to be decided again, before all others.
    putBack(entry) {
      const isOther = (one) => one.item.id !== entry.item.id;
      this.past = this.past.filter(isOther);
      this.queue = this.queue.filter(isOther);
      if (this.current && isOther(this.current)) this.queue.unshift(this.current);
      this.current = entry;
    }

    // ---- behind

    // The one on the desk is decided.
    keep() {
      this.past = this.past.filter((one) => one.item.id !== this.current.item.id);
      this.past.push(this.current);
      if (this.past.length <= PAST + 10) return;
      this.past.splice(0, this.past.length - PAST);
      this.isPastAll = false;
    }

    find(item) {
      return [...this.past, this.current, ...this.queue].find((one) => one && one.item.id === item);
    }

    // Earlier decisions, while there are fewer than a few before the one on screen. Asked twice it is one question.
    lookBehind(back) {
      const oldest = this.past.find((entry) => entry.event);
      const isEnough = this.past.length - back > 3 || (this.past.length && !oldest);
      if (!this.isOpen || this.isPastAll || isEnough) return this.looking || Promise.resolve();
      if (!this.looking) this.looking = this.loadBehind(oldest ? oldest.event : null);
      return this.looking;
    }

    async loadBehind(before) {
      const { round } = this;
      try {
        const answer = await this.ask("label_back", this.desk.settings.byFace, before, AT_ONCE);
        if (!answer) return;
        const older = answer.items.filter((item) => !this.find(item.id)).map(makeEntry);
        this.past.unshift(...older.reverse());
        this.isPastAll = !answer.items.length;
      } catch {
        // Asked again with the next step.
      } finally {
        if (round === this.round) this.looking = null;
      }
    }

    // ---- with others

    isAway() {
      return performance.now() - this.lastActive > AWAY;
    }

    // Somebody is here. What was not renewed in time may be on another's desk by now.
    touch() {
      this.lastActive = performance.now();
      if (!this.isOpen || performance.now() - this.lastHeld < LEASE) return;
      this.lastHeld = performance.now();
      this.queue = [];
      this.fill();
    }

    // Renew what is ours, in time; and more often while faces of a photo on the desk are being looked for.
    async hold() {
      if (!this.isOpen || this.isAway() || !this.holding.length) return;
      const unknown = [this.current, ...this.queue].filter((entry) => entry && !entry.item.is_surveyed);
      if (!unknown.length && performance.now() - this.lastHeld < RENEW) return;
      try {
        const answer = await this.ask("label_hold", this.holding, false, unknown.map((entry) => entry.item.id));
        if (!answer) return;
        this.lastHeld = performance.now();
        for (const item of answer.items) {
          const entry = this.find(item.id);
          if (!entry) continue;
          Object.assign(entry.item, { faces: item.faces, is_surveyed: true });
          this.desk.surveyed(entry);
        }
      } catch {
        // The lease may end; nothing is lost by that.
      }
    }

    giveBack() {
      const unsent = new Set(this.desk.outbox.items);
      const items = this.holding.filter((item) => !unsent.has(item));
      if (!this.isOpen || !items.length) return;
      rangin.call("label_hold", [this.desk.who, items, true], { keepalive: true }).catch(() => {});
    }
  }

  Object.assign(rangin, { makeEntry, Feed });
})();
