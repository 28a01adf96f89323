/**
 * What the page knows, and how updates change it. Pure. The page holds a window of each list; the server holds the lists. A
 * list whose window can no longer be derived from updates alone is stale and is fetched again.
 */
import type { ActionView, JobDetail, JobView, LiveView, Needs, StatusView } from '../api/types.ts';
import type { StateName } from '../core/job.ts';

export type Row = JobView & Partial<LiveView & Pick<JobDetail, 'original'>>;

export type Section = 'attention' | 'active' | 'queue' | 'history';

const SECTIONS: readonly Section[] = ['attention', 'active', 'queue', 'history'];

export const STATES_OF: Readonly<Record<Section, readonly StateName[]>> = {
  attention: ['held', 'failed'],
  active: ['running', 'in-doubt', 'verifying', 'delivering'],
  queue: ['queued', 'waiting'],
  history: ['done', 'cancelled', 'skipped'],
};

/** What the list of finished jobs can be narrowed to. */
export const SHOWN = {
  finished: STATES_OF.history,
  all: [],
  done: ['done'],
  queue: [...STATES_OF.queue, ...STATES_OF.active],
  held: ['held'],
  failed: ['failed'],
  cancelled: ['cancelled'],
  skipped: ['skipped'],
} as const satisfies Record<string, readonly StateName[]>;

export interface Search {
  /** Part of a path; empty for any. */
  words: string;
  show: keyof typeof SHOWN;
  /** An inbox; empty for all. */
  folder: string;
  /** Empty for all. */
  rule: string;
  order: 'updated' | 'saving';
}

const NO_SEARCH: Search = { words: '', show: 'finished', folder: '', rule: '', order: 'updated' };

/** Rows per list; a person can show more, or turn pages. */
export const PAGE_SIZE = 25;

interface ListWindow {
  rows: readonly Row[];
  /** How many rows the list may have here. */
  limit: number;
}

export interface Model {
  status: StatusView | null;
  attention: ListWindow;
  active: ListWindow;
  queue: ListWindow;
  /** `total` as the server counts it for these words. */
  history: ListWindow & Search & { offset: number; total: number };
  /** What needs a person, by reason, as the server groups it. */
  needs: Needs;
  /** Lists to fetch again. */
  stale: ReadonlySet<Section>;
}

export type Update =
  | { kind: 'status'; status: StatusView }
  | { kind: 'job'; job: Row }
  | { kind: 'forgotten'; id: string }
  | { kind: 'rows'; section: Section; rows: readonly Row[]; total: number }
  | { kind: 'needs'; needs: Needs }
  | ({ kind: 'search'; offset: number } & Partial<Search>)
  | { kind: 'more'; section: Section }
  | { kind: 'everything' };

export const EMPTY: Model = {
  status: null,
  attention: { rows: [], limit: PAGE_SIZE },
  active: { rows: [], limit: PAGE_SIZE },
  queue: { rows: [], limit: PAGE_SIZE },
  history: { rows: [], limit: PAGE_SIZE, offset: 0, total: 0, ...NO_SEARCH },
  needs: [],
  stale: new Set(),
};

export function reduce(model: Model, update: Update): Model {
  switch (update.kind) {
    case 'status': {
      const next = { ...model, status: update.status };
      const isSorted = model.status !== null && model.status.queue.order !== update.status.queue.order;
      return isSorted ? marked(next, 'queue') : next;
    }
    case 'job':
      return withJob(model, update.job);
    case 'forgotten':
      return without(model, update.id);
    case 'rows':
      return withRows(model, update);
    case 'needs':
      return { ...model, needs: update.needs };
    case 'search': {
      const { kind: _, ...search } = update;
      return marked({ ...model, history: { ...model.history, ...search } }, 'history');
    }
    case 'more': {
      const window = model[update.section];
      const more = { ...window, limit: window.limit + 2 * PAGE_SIZE };
      return marked({ ...model, [update.section]: more }, update.section);
    }
    case 'everything':
      return { ...model, stale: new Set(SECTIONS) };
  }
}

function sectionOf(state: StateName): Section {
  return SECTIONS.find(section => STATES_OF[section].includes(state)) ?? 'history';
}

/** Whether the list of finished jobs shows what somebody looks for instead. */
export function isSearching(search: Search): boolean {
  return (Object.keys(NO_SEARCH) as (keyof Search)[]).some(key => search[key] !== NO_SEARCH[key]);
}

/** The states to look in; none for all. A word is looked for everywhere, unless somebody chose. */
export function statesFor({ words, show }: Search): readonly StateName[] {
  return words !== '' && show === 'finished' ? [] : SHOWN[show];
}

/** The total number of jobs in a list, shown or not. */
export function totalOf(model: Model, section: Section): number {
  if (section === 'history' && isSearching(model.history)) return model.history.total;
  const counts = model.status?.counts;
  if (!counts) return model[section].rows.length;
  return STATES_OF[section].reduce((sum, state) => sum + counts[state], 0);
}

/** What a result offers; it stands until something else was asked of its file. */
export function standingOffer(model: Model, { source, created_at, action }: Row): ActionView | null {
  if (action?.code !== 'offer') return null;
  const isPast = SECTIONS.some(section =>
    model[section].rows.some(other => other.source === source && other.created_at > created_at),
  );
  return isPast ? null : action;
}

function withRows(model: Model, { section, rows, total }: Extract<Update, { kind: 'rows' }>): Model {
  const stale = new Set(model.stale);
  stale.delete(section);
  const window = model[section];
  const next = { ...window, rows, ...(section === 'history' ? { total } : {}) };
  return { ...model, [section]: next, stale };
}

function withJob(model: Model, job: Row): Model {
  const section = sectionOf(job.state);
  // What somebody looks for may be in any state and stays where it was found.
  const isFound = isSearching(model.history);
  const base = isFound ? replaced(model, 'history', job) : model;
  const before = SECTIONS.find(each => !(isFound && each === 'history') && has(base, each, job.id));
  const next =
    before === section
      ? placed(replaced(base, section, job), section, job)
      : entered(before ? leaving(base, before, job.id) : base, section, job);
  // Only the server groups them, and knows the order of the queue.
  const wasMoved = before !== section || (job.place !== undefined && job.place !== placeOf(model, job.id));
  const moved = [before, section].filter(each => each === 'attention' || (each === 'queue' && wasMoved));
  return moved.reduce((all, each) => (each ? marked(all, each) : all), next);
}

function placeOf(model: Model, id: string): Row['place'] {
  return model.queue.rows.find(row => row.id === id)?.place;
}

function has(model: Model, section: Section, id: string): boolean {
  return model[section].rows.some(row => row.id === id);
}

/** Fields that an update leaves out stay as they were. */
function replaced(model: Model, section: Section, job: Row): Model {
  if (!has(model, section, job.id)) return model;
  const rows = model[section].rows.map(row => (row.id === job.id ? { ...row, ...job } : row));
  return { ...model, [section]: { ...model[section], rows } };
}

/** Lists whose order follows the last change: a changed row moves up. */
function placed(model: Model, section: Section, job: Row): Model {
  if (section !== 'attention') return model;
  const rows = model.attention.rows.toSorted((a, b) => b.updated_at - a.updated_at || (a.id === job.id ? -1 : 0));
  return { ...model, attention: { ...model.attention, rows } };
}

function entered(model: Model, section: Section, job: Row): Model {
  if (section === 'history' && (model.history.offset > 0 || isSearching(model.history))) return model;
  const { rows, limit } = model[section];
  const isNewestFirst = section === 'attention' || section === 'history';
  const isBefore = (row: Row) => (isNewestFirst ? job.updated_at >= row.updated_at : job.created_at < row.created_at);
  const found = rows.findIndex(isBefore);
  const at = found < 0 ? rows.length : found;
  const next = [...rows.slice(0, at), job, ...rows.slice(at)].slice(0, limit);
  return { ...model, [section]: { ...model[section], rows: next } };
}

function without(model: Model, id: string): Model {
  return SECTIONS.filter(section => has(model, section, id)).reduce((all, section) => leaving(all, section, id), model);
}

function leaving(model: Model, section: Section, id: string): Model {
  const window = model[section];
  const wasFull = window.rows.length >= window.limit;
  const next = { ...model, [section]: { ...window, rows: window.rows.filter(row => row.id !== id) } };
  // Only the server knows which one moves up.
  return wasFull ? marked(next, section) : next;
}

function marked(model: Model, section: Section): Model {
  return { ...model, stale: new Set([...model.stale, section]) };
}
