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
 * What an engine records about a job, typed by key. Work recorded in this run counts like work recorded before a restart, and no key
 * is read without a parser.
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
   * The checkpoints under `prefix`. With a `stamp`, only values recorded under an equal stamp are visible: the results of one source,
   * target and ffmpeg mean nothing to another.
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
        // A copy, as JSON keeps it: later changes must not look recorded.
        const kept = JSON.parse(JSON.stringify(stamp === undefined ? value : { stamp, value })) as Json;
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

/** Whether a value read back from JSON is a T. */
export type Guard<T> = (value: unknown) => value is T;

/** A parser that accepts a value unchanged if the guard recognises it. */
export function checked<T>(guard: Guard<T>): Parse<T> {
  return value => (guard(value) ? value : undefined);
}

export const isNumber: Guard<number> = value => typeof value === 'number';
export const isText: Guard<string> = value => typeof value === 'string';
export const isFlag: Guard<boolean> = value => typeof value === 'boolean';

export function isListOf<T>(item: Guard<T>): Guard<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(item);
}

export function isOptional<T>(guard: Guard<T>): Guard<T | undefined> {
  return (value): value is T | undefined => value === undefined || guard(value);
}

export function isNullable<T>(guard: Guard<T>): Guard<T | null> {
  return (value): value is T | null => value === null || guard(value);
}

export function isOneOf<const T extends string>(...values: readonly T[]): Guard<T> {
  return (value): value is T => values.some(one => one === value);
}

/** A guard for every field; other fields of the value are allowed. */
export function isObjectOf<T extends object>(fields: { [K in keyof T]-?: Guard<T[K]> }): Guard<T> {
  const guards = Object.entries(fields) as [string, Guard<unknown>][];
  return (value): value is T => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    return guards.every(([name, guard]) => guard((value as Record<string, unknown>)[name]));
  };
}

/** Texts by name. */
export const isTexts: Guard<Record<string, string>> = (value): value is Record<string, string> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText);
