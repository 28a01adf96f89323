import type { Json } from '../core/job.ts';
import type { EngineContext } from './engine.ts';

/** Reads one checkpoint back; `undefined` for a value of another shape, which then counts as never recorded. */
export type Parse<T> = (value: Json) => T | undefined;

/** One named checkpoint of a job. */
export interface Checkpoint<T> {
  get(): T | undefined;
  /** Resolves once the value is durable; `get` returns it from then on, in this run and after a restart. */
  set(value: T): Promise<void>;
}

/**
 * What an engine remembers of a job, typed by key. Work recorded in this run counts like work recorded before a restart, and no key is
 * read without a parser.
 */
export class Checkpoints {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #stamp: string | undefined;

  private constructor(store: Store, prefix: string, stamp: string | undefined) {
    this.#store = store;
    this.#prefix = prefix;
    this.#stamp = stamp;
  }

  static of(context: Pick<EngineContext, 'record' | 'resume'>): Checkpoints {
    const values = new Map(Object.entries(context.resume));
    return new Checkpoints({ values, record: (key, value) => context.record(key, value) }, '', undefined);
  }

  /**
   * The checkpoints under `prefix`. With a `stamp`, only values recorded under an equal stamp are seen: what one source, target and
   * ffmpeg gave means nothing to another.
   */
  scoped(prefix: string, stamp: string | undefined = this.#stamp): Checkpoints {
    return new Checkpoints(this.#store, this.#prefix + prefix, stamp);
  }

  at<T>(key: string, parse: Parse<T>): Checkpoint<T> {
    const { values, record } = this.#store;
    const name = this.#prefix + key;
    const stamp = this.#stamp;
    return {
      get() {
        const value = stamp === undefined ? values.get(name) : stamped(values.get(name), stamp);
        return value === undefined ? undefined : parse(value);
      },
      async set(value) {
        // Checkpoints are plain data: what `parse` gives back is what JSON kept.
        const kept = (stamp === undefined ? value : { stamp, value }) as Json;
        await record(name, kept);
        values.set(name, kept);
      },
    };
  }
}

interface Store {
  /** Shared by every scope of one run. */
  values: Map<string, Json>;
  record: EngineContext['record'];
}

/** The value inside its envelope, if it was recorded under this stamp. */
function stamped(envelope: Json | undefined, stamp: string): Json | undefined {
  if (envelope === null || typeof envelope !== 'object' || Array.isArray(envelope)) return undefined;
  return envelope['stamp'] === stamp ? envelope['value'] : undefined;
}
