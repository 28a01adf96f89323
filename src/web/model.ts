/**
 * What the page knows, and how updates change it. Pure. The page holds a window of each list; the server holds the lists. A
 * list whose window can no longer be derived from updates alone is stale and is fetched again.
 */
import type { JobView, LiveView, StatusView } from '../api/types.ts';
import type { StateName } from '../core/job.ts';

export type Row = JobView & Partial<LiveView>;

export type Section = 'attention' | 'active' | 'queue' | 'history';

const SECTIONS: readonly Section[] = ['attention', 'active', 'queue', 'history'];

export const STATES_OF: Readonly<Record<Section, readonly StateName[]>> = {
  attention: ['held', 'failed'],
  active: ['running', 'in-doubt', 'verifying', 'delivering'],
  queue: ['queued', 'waiting'],
  history: ['done', 'cancelled', 'skipped'],
};

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
  history: ListWindow & { offset: number; words: string; total: number };
  /** Lists to fetch again. */
  stale: ReadonlySet<Section>;
}

export type Update =
  | { kind: 'status'; status: StatusView }
  | { kind: 'job'; job: Row }
  | { kind: 'forgotten'; id: string }
  | { kind: 'rows'; section: Section; rows: readonly Row[]; total: number }
  | { kind: 'search'; offset: number; words: string }
  | { kind: 'more'; section: Section }
  | { kind: 'everything' };

export const EMPTY: Model = {
  status: null,
  attention: { rows: [], limit: PAGE_SIZE },
  active: { rows: [], limit: PAGE_SIZE },
  queue: { rows: [], limit: PAGE_SIZE },
  history: { rows: [], limit: PAGE_SIZE, offset: 0, words: '', total: 0 },
  stale: new Set(),
};

export function reduce(model: Model, update: Update): Model {
  switch (update.kind) {
    case 'status':
      return { ...model, status: update.status };
    case 'job':
      return withJob(model, update.job);
    case 'forgotten':
      return without(model, update.id);
    case 'rows':
      return withRows(model, update);
    case 'search':
      return marked({ ...model, history: { ...model.history, offset: update.offset, words: update.words } }, 'history');
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

/** The total number of jobs in a list, shown or not. */
export function totalOf(model: Model, section: Section): number {
  if (section === 'history' && model.history.words !== '') return model.history.total;
  const counts = model.status?.counts;
  if (!counts) return model[section].rows.length;
  return STATES_OF[section].reduce((sum, state) => sum + counts[state], 0);
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
  const before = SECTIONS.find(each => model[each].rows.some(row => row.id === job.id));
  if (before === section) return placed(replaced(model, section, job), section, job);
  return entered(before ? without(model, job.id) : model, section, job);
}

/** Fields that an update leaves out stay as they were. */
function replaced(model: Model, section: Section, job: Row): Model {
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
  if (section === 'history' && (model.history.offset > 0 || model.history.words !== '')) return model;
  const { rows, limit } = model[section];
  const isNewestFirst = section === 'attention' || section === 'history';
  const isBefore = (row: Row) => (isNewestFirst ? job.updated_at >= row.updated_at : job.created_at < row.created_at);
  const found = rows.findIndex(isBefore);
  const at = found < 0 ? rows.length : found;
  const next = [...rows.slice(0, at), job, ...rows.slice(at)].slice(0, limit);
  return { ...model, [section]: { ...model[section], rows: next } };
}

function without(model: Model, id: string): Model {
  const section = SECTIONS.find(each => model[each].rows.some(row => row.id === id));
  if (!section) return model;
  const window = model[section];
  const wasFull = window.rows.length >= window.limit;
  const next = { ...model, [section]: { ...window, rows: window.rows.filter(row => row.id !== id) } };
  // Only the server knows which one moves up.
  return wasFull ? marked(next, section) : next;
}

function marked(model: Model, section: Section): Model {
  return { ...model, stale: new Set([...model.stale, section]) };
}
