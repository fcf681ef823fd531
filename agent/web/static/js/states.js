// The states of the page, region by region. Each region carries the name of its state in
// data-state; a test brings about every one and looks at it, and a state that no test
// reaches fails the run. `speaks` says how a state is announced: 'status' waits for the
// screen reader to finish, 'alert' does not.

export const states = Object.freeze({
  desk: Object.freeze({
    stage: Object.freeze({
      connecting: { view: 'notice' },
      locked: { view: 'notice', speaks: 'alert' },
      lost: { view: 'notice', speaks: 'alert', sound: 'bad' },
      entry: { view: 'entry', speaks: 'status' },
      entry_document: { view: 'entry', speaks: 'status' },
      entry_wrong: { view: 'entry' }, // speaks of the field, see entry.js
      entry_refused: { view: 'entry', speaks: 'alert', sound: 'bad' },
      no_reader: { view: 'entry', speaks: 'alert' },
      readers_unavailable: { view: 'entry', speaks: 'alert' },
      waiting: { view: 'progress', speaks: 'status', sound: 'attention' },
      remove_previous: { view: 'progress', speaks: 'alert', sound: 'attention' },
      unresponsive: { view: 'progress', speaks: 'alert', sound: 'attention' },
      reading: { view: 'progress', speaks: 'status', sound: 'begin' },
      removed: { view: 'progress', speaks: 'alert', sound: 'attention' },
      proving: { view: 'progress', speaks: 'status' },
      judging: { view: 'progress', speaks: 'status' },
      uploading: { view: 'progress', speaks: 'status' },
      successful: { view: 'result', speaks: 'status', sound: 'good' },
      undetermined: { view: 'result', speaks: 'status', sound: 'attention' },
      failed: { view: 'result', speaks: 'alert', sound: 'bad' },
      error: { view: 'notice', speaks: 'alert', sound: 'bad' },
      cancelled: { view: 'notice', speaks: 'status' },
      cleared: { view: 'notice', speaks: 'status' },
    }),
    upload: Object.freeze({ none: {}, accepted: {}, queued: {}, uncertain: {}, refused: {}, failed: {} }),
    session: Object.freeze({ none: {}, given: {}, invalid: {}, create: {} }),
    pictures: Object.freeze({ no_session: {}, ready: {}, sent: {}, queued: {}, refused: {}, camera: {}, camera_refused: {} }),
    queue: Object.freeze({ empty: {}, waiting: {}, paused: {} }),
    dialog: Object.freeze({ pairing: {}, shift: {}, expiring: { speaks: 'alert', sound: 'attention' } }),
  }),
  kiosk: Object.freeze({
    stage: Object.freeze({
      connecting: { view: 'notice' },
      out_of_service: { view: 'notice', speaks: 'alert' },
      welcome: { view: 'notice' },
      entry: { view: 'entry', speaks: 'status' },
      entry_wrong: { view: 'entry' },
      entry_refused: { view: 'entry', speaks: 'alert', sound: 'bad' },
      waiting: { view: 'progress', speaks: 'status', sound: 'attention' },
      remove_previous: { view: 'progress', speaks: 'alert', sound: 'attention' },
      unresponsive: { view: 'progress', speaks: 'alert', sound: 'attention' },
      reading: { view: 'progress', speaks: 'status', sound: 'begin' },
      removed: { view: 'progress', speaks: 'alert', sound: 'attention' },
      checking: { view: 'progress', speaks: 'status' },
      done: { view: 'notice', speaks: 'status', sound: 'good' },
      see_staff: { view: 'notice', speaks: 'alert', sound: 'attention' },
      try_again: { view: 'notice', speaks: 'alert', sound: 'attention' },
    }),
    dialog: Object.freeze({
      time_out: { speaks: 'alert', sound: 'attention' },
      help: { speaks: 'alert', sound: 'attention' },
    }),
  }),
});

const wrongAccess = ['wrong_mrz', 'wrong_can', 'mrz_invalid', 'mrz_check_digit', 'mrz_required'];

/** The state of the desk's stage. */
export function deskStage(model) {
  if (model.link !== 'open') return model.link;
  const job = model.job;
  if (!job) return model.cleared ? 'cleared' : entryState(model);
  switch (job.state) {
    case 'done': return outcome(job);
    case 'cancelled': return 'cancelled';
    case 'failed': return failure(job);
    default: return underWay(job);
  }
}

/** The state of the kiosk's stage. It never says what is wrong with a document. */
export function kioskStage(model) {
  if (model.link === 'connecting') return 'connecting';
  if (model.link !== 'open' || model.readersError || model.readers.length === 0) return 'out_of_service';
  const job = model.job;
  if (!job) return model.begun ? (model.wrongField ? 'entry_wrong' : 'entry') : 'welcome';
  if (job.state === 'done') return outcome(job) === 'failed' || !handedOver(job) ? 'see_staff' : 'done';
  if (job.state === 'cancelled') return 'try_again';
  if (job.state === 'failed') {
    const state = failure(job);
    return state === 'error' ? 'try_again' : state === 'failed' ? 'see_staff' : 'entry_refused';
  }
  const state = underWay(job);
  return ['proving', 'judging', 'uploading'].includes(state) ? 'checking' : state;
}

/** Whether access data of a job was refused by the chip or by the agent. */
export function accessRefused(job) {
  return job?.state === 'failed' && wrongAccess.includes(problemOf(job)?.code);
}

/** What went wrong with a job: the job's own problem, or that of its report. */
export function problemOf(job) {
  return job?.error ?? job?.report?.error ?? null;
}

function entryState(model) {
  if (model.readersError) return 'readers_unavailable';
  if (model.readers.length === 0) return 'no_reader';
  if (model.wrongField) return 'entry_wrong';
  return model.readers.some((reader) => reader.state === 'document') ? 'entry_document' : 'entry';
}

function underWay(job) {
  if (job.phase === 'removed') return 'removed';
  if (job.state === 'waiting') return ['unresponsive', 'remove_previous'].includes(job.phase) ? job.phase : 'waiting';
  return job.state;
}

// A report that was judged is shown, also where the upload failed after it.
function failure(job) {
  if (accessRefused(job)) return 'entry_refused';
  return job.report && job.report.status !== 'aborted' ? outcome(job) : 'error';
}

function outcome(job) {
  const status = job.report?.status;
  return status === 'successful' || status === 'undetermined' ? status : 'failed';
}

function handedOver(job) {
  return ['none', 'accepted', 'queued'].includes(job.report?.upload?.state ?? 'none');
}
