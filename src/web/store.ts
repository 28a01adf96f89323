/** Keeps the model up to date: listens for news and fetches the lists that went stale. */
import * as api from './api.ts';
import { EMPTY, type Model, type News, reduce, type Row, type Section, STATES_OF } from './model.ts';

type Link = 'connecting' | 'open' | 'lost' | 'door';

export interface View {
  model: Model;
  link: Link;
  /** Counts up when something was finished: time to look at the days again. */
  finished: number;
}

/** Lists change often while a queue is worked off; a window is fetched again at most this often. */
const FETCH_EVERY_MS = 400;

export class Store {
  #view: View = { model: EMPTY, link: 'connecting', finished: 0 };
  readonly #onChange: (view: View) => void;
  readonly #onJob: (job: Row) => void;
  readonly #end = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fetching = false;
  /** What came in while lists were fetched: it may be newer than they are. */
  #meanwhile: News[] = [];

  /** `onJob` is told of jobs that came to rest while somebody watched. */
  constructor(onChange: (view: View) => void, onJob: (job: Row) => void) {
    this.#onChange = onChange;
    this.#onJob = onJob;
    void api.listen(
      {
        onNews: news => this.tell(...news),
        onOpen: fresh => {
          this.#show({ link: 'open' });
          if (fresh) this.tell({ kind: 'everything' });
        },
        onLost: () => this.#show({ link: 'lost' }),
        onDoor: () => this.#show({ link: 'door' }),
      },
      this.#end.signal,
    );
  }

  close(): void {
    this.#end.abort();
    clearTimeout(this.#timer);
  }

  tell(...news: News[]): void {
    let { model, finished } = this.#view;
    for (const each of news) {
      const before = model;
      model = reduce(model, each);
      if (each.kind !== 'job') continue;
      if (this.#fetching) this.#meanwhile.push(each);
      if (RESTED.has(each.job.state) && isNews(before, each.job)) {
        finished += 1;
        this.#onJob(each.job);
      }
    }
    this.#show({ model, finished });
    if (model.stale.size > 0) this.#plan(0);
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
      // Somebody may have turned the page meanwhile; that list stays stale.
      const wanted = answers.filter(({ section }) => section !== 'history' || isSameLook(asked, this.#view.model));
      this.tell(...wanted, ...this.#meanwhile.splice(0));
    } catch {
      // The listener says when the connection is gone; until it is back there is nothing to be had.
      wait = 2000;
    } finally {
      this.#fetching = false;
      if (this.#view.model.stale.size > 0 && !this.#end.signal.aborted) this.#plan(wait);
    }
  }
}

const RESTED: ReadonlySet<string> = new Set(['done', 'failed', 'held']);

function isNews(before: Model, job: Row): boolean {
  const known = [...before.history.rows, ...before.attention.rows].find(row => row.id === job.id);
  return known?.state !== job.state;
}

function isSameLook({ history: a }: Model, { history: b }: Model): boolean {
  return a.offset === b.offset && a.words === b.words;
}

async function rowsOf(section: Section, model: Model): Promise<Extract<News, { kind: 'rows' }>> {
  const { limit } = model[section];
  const newest = section === 'attention' || section === 'history';
  const { rows, total } = await api.jobs({
    states: STATES_OF[section],
    order: newest ? 'updated' : 'oldest',
    limit,
    detail: section !== 'history',
    ...(section === 'history' ? { offset: model.history.offset, words: model.history.words } : {}),
  });
  return { kind: 'rows', section, rows, total };
}
