// What the page knows about the agent, kept up to date by its event streams, and what the
// page asks of it. Views read the model and never change it.

import { listen, picture, Problem, request } from './api.js';

const ended = Object.freeze(['done', 'failed', 'cancelled']);

export class Agent {
  #changed;
  #closeAgentEvents = () => {};
  #jobEvents = new Map();
  #forgotten = new Set();

  /** Calls `changed` after every change of the model. */
  constructor(changed) {
    this.#changed = changed;
    this.model = {
      link: 'connecting', me: null, version: '', readers: [], readersError: null, queue: null, trust: null, pairings: [],
      jobs: new Map(), job: null, holders: new Map(), portraits: new Map(), cleared: false, wrongField: '', problem: null,
    };
  }

  /** Exchanges a one-time code for the page's cookie, where there is one, and connects. */
  async connect(code) {
    try {
      if (code) await request('POST', '/v1/open', { code });
    } catch (problem) {
      this.model.problem = problem;
    }
    try {
      this.model.me = await request('GET', '/v1/me');
    } catch (problem) {
      this.#lose(problem.status === 401 || problem.status === 403 ? 'locked' : 'lost');
      return;
    }
    this.#closeAgentEvents();
    this.#closeAgentEvents = listen('/v1/events', ['readers', 'queue', 'trust', 'job', 'pairing', 'shift', 'reset'], {
      // An event says that something is new; what it is, is asked for. A stream that was
      // broken and a change in its shape then do no harm.
      event: (name) => (name === 'reset' ? this.#refreshAll() : this.#refresh(name)),
      open: () => this.#refreshAll(),
      error: (closed) => { this.#lose('lost'); if (closed) setTimeout(() => this.connect(), 2000); },
    });
  }

  #lose(link) {
    this.model.link = link;
    this.#changed();
    if (link === 'lost') return;
    this.#closeAgentEvents();
  }

  async #refreshAll() {
    await Promise.all(['readers', 'queue', 'trust', 'job', 'pairing', 'health'].map((name) => this.#refresh(name)));
    this.model.link = 'open';
    this.#changed();
  }

  async #refresh(name) {
    try {
      await this.#sources[name]?.();
    } catch (problem) {
      if (problem.status === 401) return this.#lose('locked');
      if (!(problem instanceof Problem)) throw problem;
      // What cannot be had keeps its last value; the stream's error says whether the agent is gone.
    }
    this.#changed();
  }

  #sources = {
    shift: async () => { this.model.me = await request('GET', '/v1/me'); },
    health: async () => { this.model.version = (await request('GET', '/v1/health')).version; },
    readers: async () => {
      const { readers, error } = await request('GET', '/v1/readers');
      this.model.readers = readers ?? [];
      this.model.readersError = error;
    },
    queue: async () => { this.model.queue = await request('GET', '/v1/queue'); },
    trust: async () => { this.model.trust = await request('GET', '/v1/trust'); },
    pairing: async () => {
      if (this.model.me?.kiosk) return; // a kiosk has nobody to confirm one
      this.model.pairings = await request('GET', '/v1/pairings') ?? [];
    },
    job: async () => {
      const answer = await request('GET', '/v1/reads');
      // A list that was asked for before a job was forgotten may still name it; one that has
      // nothing personal any more is over.
      const reads = (answer ?? []).filter(({ id, expires }) => !this.#forgotten.has(id) && !(expires && Date.parse(expires) <= Date.now()));
      for (const read of reads) await this.#take(read);
      for (const id of [...this.model.jobs.keys()]) {
        if (!reads.some((read) => read.id === id)) this.#drop(id);
      }
      // A page that was loaded again takes up what runs, else what came last.
      if (!this.model.job && reads.length > 0) {
        const latest = [...reads].sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
        this.show((latest.find((read) => !ended.includes(read.state)) ?? latest[0]).id);
      }
    },
  };

  /** Puts one of the page's jobs on the stage; '' shows the form. */
  show(id) {
    this.model.job = this.model.jobs.get(id) ?? null;
    this.model.cleared = false;
    // A browser has few connections to one host, shared by all its tabs: the reading on the
    // stage has a stream, the others are told of by the agent's.
    for (const other of [...this.#jobEvents.keys()]) if (other !== id) this.#unwatch(other);
    if (this.model.job && !ended.includes(this.model.job.state)) this.#watch(id);
    this.#changed();
  }

  /** Starts a read; throws a Problem where the agent refuses it. */
  async start(access, options) {
    this.model.problem = null;
    const read = await request('POST', '/v1/reads', { access, ...options }, { 'Idempotency-Key': crypto.randomUUID() });
    await this.#take(read);
    this.show(read.id);
  }

  async cancel() {
    await this.#ask('POST', `/v1/reads/${this.model.job.id}/cancel`);
  }

  async extend() {
    const read = await this.#ask('POST', `/v1/reads/${this.model.job.id}/extend`);
    if (read?.id) await this.#take(read);
    else await this.#refresh('job');
  }

  /** Forgets a job here and at the agent. */
  async forget(id) {
    this.#drop(id);
    this.#forgotten.add(id);
    await this.#ask('DELETE', `/v1/reads/${id}`);
  }

  /** Forgets the job on the stage and shows the form. */
  async next() {
    if (this.model.job) await this.forget(this.model.job.id);
    this.show('');
  }

  /** Forgets what is personal because its time is over; the agent has forgotten it by itself. */
  expire(id) {
    this.#drop(id);
    this.#forgotten.add(id);
    this.model.cleared = true;
    this.#changed();
    request('DELETE', `/v1/reads/${id}`).catch(() => {}); // gone already, as a rule
  }

  async retryQueue() {
    await this.#ask('POST', '/v1/queue/retry');
    await this.#refresh('queue');
  }

  async setShift(operator) {
    await this.#ask(operator ? 'PUT' : 'DELETE', '/v1/shift', operator ? { operator } : {});
    await this.#refresh('shift');
  }

  async answerPairing(id, confirm, code) {
    await this.#ask('POST', `/v1/pairings/${id}/${confirm ? 'confirm' : 'refuse'}`, confirm ? { code } : {});
    await this.#refresh('pairing');
  }

  async revoke(id) {
    await this.#ask('DELETE', `/v1/pairings/${id}`);
    await this.#refresh('pairing');
  }

  sendPicture(session, context, file) {
    const form = new FormData();
    form.append('context', context);
    form.append('file', file, file.name ?? `${context}.jpg`);
    return request('POST', `/v1/sessions/${session}/pictures`, form);
  }

  submit(session) {
    return request('POST', `/v1/sessions/${session}/submit`);
  }

  // A request whose refusal is shown in the place for problems.
  async #ask(method, path, body) {
    try {
      this.model.problem = null;
      return await request(method, path, body);
    } catch (problem) {
      this.model.problem = problem;
      this.#changed();
      return null;
    }
  }

  async #take(news) {
    if (this.#forgotten.has(news.id)) return;
    const over = ended.includes(news.state);
    // Events come without the report: an end is shown once it is known what came of it.
    const read = over && !('report' in news) ? await this.#unlessGone(request('GET', `/v1/reads/${news.id}`)) : news;
    if (!read || this.#forgotten.has(read.id)) return;
    const job = { ...this.model.jobs.get(read.id), ...read };
    this.model.jobs.set(job.id, job);
    if (this.model.job?.id === job.id) this.model.job = job;
    if (over) {
      this.#unwatch(job.id);
      await this.#personal(job.id);
    } else if (this.model.job?.id === job.id) {
      this.#watch(job.id);
    }
    this.#changed();
  }

  // Fields and portrait come after the checks; before them there is nothing to show.
  async #personal(id) {
    const job = this.model.jobs.get(id);
    if (!job?.report || this.model.holders.has(id)) return;
    const holder = await this.#unlessGone(request('GET', `/v1/reads/${id}/holder`));
    if (holder) this.model.holders.set(id, holder);
    const portrait = job.portrait ? await this.#unlessGone(picture(`/v1/reads/${id}/portrait`)) : null;
    if (portrait) this.model.portraits.set(id, URL.createObjectURL(portrait));
    if (!this.model.jobs.has(id)) this.#forget(id); // dropped while it was fetched
  }

  // A reading may be forgotten, or its time over, while something of it is fetched: then
  // there is nothing to show.
  async #unlessGone(answer) {
    try {
      return await answer;
    } catch (problem) {
      if (problem instanceof Problem) return null;
      throw problem;
    }
  }

  #watch(id) {
    if (this.#jobEvents.has(id)) return;
    this.#jobEvents.set(id, listen(`/v1/reads/${id}/events`, ['read'], {
      event: (_, { report, ...read }) => this.#take({ id, ...read }),
      error: (closed) => { if (closed) this.#unwatch(id); },
    }));
  }

  #unwatch(id) {
    this.#jobEvents.get(id)?.();
    this.#jobEvents.delete(id);
  }

  #drop(id) {
    this.#unwatch(id);
    this.model.jobs.delete(id);
    this.#forget(id);
    if (this.model.job?.id === id) this.model.job = null;
  }

  #forget(id) {
    this.model.holders.delete(id);
    if (this.model.portraits.has(id)) URL.revokeObjectURL(this.model.portraits.get(id));
    this.model.portraits.delete(id);
  }
}
