import type { ExplainAsked, Explanation } from '../api/types.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Pin } from '../core/job.ts';
import { say } from '../messages/say.ts';
import { orAborted, Semaphore } from '../platform/async.ts';

/** Each reads a file and runs ffprobe and ffmpeg, beside the jobs. */
const AT_ONCE = 2;
/** Files explained at a time, waiting ones included. */
const MAX_UNDER_WAY = 16;

/** Who asks changes what is looked at: see `ExplainAsked`. */
interface Question {
  path: string;
  onPage: boolean;
}

export interface ExplanationsOptions {
  /** Which version of the file is asked about; may reject. */
  identify(question: Question): Promise<Pin | undefined>;
  explain(question: Question, signal: AbortSignal): Promise<Explanation>;
}

interface UnderWay {
  result: Promise<Explanation>;
  stop: AbortController;
  asking: number;
}

/**
 * Explanations over HTTP: two at a time, one shared by everyone who asks about the same version of a file meanwhile, and
 * none that nobody waits for any more.
 */
export class Explanations {
  readonly #options: ExplanationsOptions;
  readonly #turns = new Semaphore(AT_ONCE);
  readonly #underWay = new Map<string, UnderWay>();

  constructor(options: ExplanationsOptions) {
    this.#options = options;
  }

  /** @throws the signal's reason if it aborts; ShrinkError `unavailable` if too many files are being explained. */
  async explain(path: string, { onPage = false, signal }: ExplainAsked = {}): Promise<Explanation> {
    const question = { path, onPage };
    const pin = await orAborted(
      this.#options.identify(question).catch(() => undefined),
      signal,
    );
    signal?.throwIfAborted();
    const key = JSON.stringify([question, pin]);
    const shared = this.#underWay.get(key) ?? this.#start(key, question);
    shared.asking += 1;
    try {
      return await orAborted(shared.result, signal);
    } finally {
      shared.asking -= 1;
      if (shared.asking === 0) this.#end(key, shared);
    }
  }

  #start(key: string, question: Question): UnderWay {
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      throw new ShrinkError('unavailable', say('app.too-many-explanations'), { hint: say('api.try-later') });
    }
    const stop = new AbortController();
    const result = this.#turns.run(() => this.#options.explain(question, stop.signal), stop.signal);
    // Everyone still waiting gets the error; once the last has left, nobody does.
    result.catch(() => {});
    const started = { result, stop, asking: 0 };
    this.#underWay.set(key, started);
    return started;
  }

  /** Later requests start over: the file is the same, but its history may not be. */
  #end(key: string, shared: UnderWay): void {
    if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
    shared.stop.abort();
  }
}
