/** Keeps the model up to date: listens for updates and fetches lists that became stale. */
import * as api from './api.ts';
import { EMPTY, type Model, type Update, reduce, type Row, type Section, STATES_OF, statesFor } from './model.ts';

type Connection = 'connecting' | 'open' | 'lost' | 'sign-in';

export interface View {
  model: Model;
  link: Connection;
  /** Status and lists were there once: everything is shown at the same moment, and nothing jumps. */
  isReady: boolean;
  /** The last that was heard of jobs by their source, whether a list shows them or not. */
  heard: ReadonlyMap<string, Row>;
  /** Incremented when a job comes to rest: time to fetch the days again. */
  finished: number;
}

export const NOTHING_YET: View = { model: EMPTY, link: 'connecting', isReady: false, heard: new Map(), finished: 0 };

/** Jobs whose last news is kept. */
const HEARD = 500;

/** Lists change often while a queue is processed; a window is fetched again at most this often. */
const FETCH_EVERY_MS = 400;

export class Store {
  #view: View = NOTHING_YET;
  readonly #onChange: (view: View) => void;
  readonly #onJob: (job: Row) => void;
  readonly #end = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fetching = false;
  readonly #heard = new Map<string, Row>();
  /** What arrived while lists were being fetched: it may be newer than they are. */
  #meanwhile: Update[] = [];

  /** `onJob` receives jobs that come to rest while the page is open. */
  constructor(onChange: (view: View) => void, onJob: (job: Row) => void) {
    this.#onChange = onChange;
    this.#onJob = onJob;
    void api.listen(
      {
        onUpdates: updates => this.dispatch(...updates),
        onOpen: fresh => {
          this.#show({ link: 'open' });
          if (fresh) this.dispatch({ kind: 'everything' });
        },
        onLost: () => this.#show({ link: 'lost' }),
        onTokenNeeded: () => this.#show({ link: 'sign-in' }),
      },
      this.#end.signal,
    );
  }

  close(): void {
    this.#end.abort();
    clearTimeout(this.#timer);
  }

  dispatch(...updates: Update[]): void {
    let { model, finished } = this.#view;
    for (const each of updates) {
      const before = model;
      model = reduce(model, each);
      if (each.kind !== 'job') continue;
      this.#hear(each.job);
      if (this.#fetching) this.#meanwhile.push(each);
      if (RESTED.has(each.job.state) && hasNewState(before, each.job)) {
        finished += 1;
        this.#onJob(each.job);
      }
    }
    this.#show({ model, finished, heard: this.#heard });
    if (model.stale.size > 0) this.#plan(0);
  }

  #hear(job: Row): void {
    this.#heard.delete(job.source);
    this.#heard.set(job.source, job);
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > HEARD && oldest !== undefined) this.#heard.delete(oldest);
  }

  #show(part: Partial<View>): void {
    this.#view = { ...this.#view, ...part };
    this.#onChange(this.#view);
  }

  #plan(ms: number): void {
    if (this.#timer !== undefined || this.#fetching) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#fetch();
    }, ms);
  }

  async #fetch(): Promise<void> {
    const sections = [...this.#view.model.stale];
    this.#fetching = true;
    this.#meanwhile = [];
    let wait = FETCH_EVERY_MS;
    try {
      const asked = this.#view.model;
      const answers = await Promise.all(sections.map(section => rowsOf(section, asked)));
      const groups: Update[] = sections.includes('attention') ? [{ kind: 'needs', needs: await api.needs() }] : [];
      // The person may have turned the page meanwhile; that list stays stale.
      const wanted = answers.filter(({ section }) => section !== 'history' || isSameSearch(asked, this.#view.model));
      this.dispatch(...wanted, ...groups, ...this.#meanwhile.splice(0));
      this.#show({ isReady: true });
    } catch {
      // The listener reports a lost connection; until it is back there is nothing to fetch.
      wait = 2000;
    } finally {
      this.#fetching = false;
      if (this.#view.model.stale.size > 0 && !this.#end.signal.aborted) this.#plan(wait);
    }
  }
}

const RESTED: ReadonlySet<string> = new Set(['done', 'failed', 'held']);

function hasNewState(before: Model, job: Row): boolean {
  const known = [...before.history.rows, ...before.attention.rows].find(row => row.id === job.id);
  return known?.state !== job.state;
}

function isSameSearch({ history: a }: Model, { history: b }: Model): boolean {
  const isSame = (key: keyof typeof a) => key === 'rows' || key === 'total' || a[key] === b[key];
  return (Object.keys(a) as (keyof typeof a)[]).every(isSame);
}

const ORDERS = { attention: 'updated', active: 'oldest', queue: 'queue' } as const;

async function rowsOf(section: Section, model: Model): Promise<Extract<Update, { kind: 'rows' }>> {
  const { limit } = model[section];
  if (section !== 'history') {
    const found = await api.jobs({ states: STATES_OF[section], order: ORDERS[section], limit });
    return { kind: 'rows', section, ...found };
  }
  const { offset, words, folder, rule, order } = model.history;
  const found = await api.jobs({ states: statesFor(model.history), order, limit, offset, words, folder, rule });
  return { kind: 'rows', section, ...found };
}
