import { useEffect, useState } from 'preact/hooks';
import type { JobDetail } from '../api/types.ts';
import * as api from './api.ts';
import { formatBytes } from './format.ts';
import { problemOf, useWords } from './language.ts';

interface Pair {
  after: string;
  /** If absent, there is no picture of the original. */
  before?: string;
  /** Why not, unless it was deleted as configured. */
  problem?: Error;
}

/** The same frame of source and result on top of each other; the slider sets how much of each is visible. */
export function Compare({ job }: { job: JobDetail }) {
  const { words, language } = useWords();
  const pair = usePair(job);
  const [share, setShare] = useState(50);
  if (pair === undefined) return <p class="compare quiet loading">{words.compare.loading}</p>;
  if (pair instanceof Error) return <p class="quiet">{words.because(words.compare.none, problemOf(pair, language))}</p>;
  const sizeAfter = `${words.compare.after} · ${formatBytes(job.output_bytes ?? 0)}`;
  if (pair.before === undefined) {
    return (
      <figure class="compare">
        <div class="pictures">
          <img src={pair.after} alt={words.compare.after} />
        </div>
        <figcaption class="quiet">
          {sizeAfter} ·{' '}
          {pair.problem
            ? words.because(words.compare.onlyAfter, problemOf(pair.problem, language))
            : words.compare.onlyAfter}
        </figcaption>
      </figure>
    );
  }
  return (
    <figure class="compare">
      <div class="pictures">
        <img src={pair.before} alt={words.compare.before} />
        <img src={pair.after} alt={words.compare.after} style={{ clipPath: `inset(0 0 0 ${share}%)` }} />
        <span class="edge" aria-hidden="true" style={{ left: `${share}%` }} />
      </div>
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label={words.compare.slide}
        onInput={event => setShare(Number(event.currentTarget.value))}
      />
      <figcaption class="line quiet">
        <span>
          {words.compare.before} · {formatBytes(job.source_bytes)}
        </span>
        <span class="push" />
        <span>{sizeAfter}</span>
      </figcaption>
    </figure>
  );
}

/** Addresses of both pictures, or only of the result's; an error if there is none. */
function usePair({ id, original }: JobDetail): Pair | Error | undefined {
  const [pair, setPair] = useState<Pair | Error>();
  useEffect(() => {
    const end = new AbortController();
    const made: string[] = [];
    const address = async (which: 'before' | 'after') => {
      const url = URL.createObjectURL(await api.picture(id, which, end.signal));
      made.push(url);
      return url;
    };
    const load = async (): Promise<Pair> => {
      const after = await address('after');
      if (original === 'deleted') return { after };
      return address('before').then(
        before => ({ after, before }),
        (error: unknown) => ({ after, problem: asError(error) }),
      );
    };
    void load()
      .catch(asError)
      .then(found => (end.signal.aborted ? release(made) : setPair(found)));
    return () => {
      end.abort();
      release(made);
    };
  }, [id]);
  return pair;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function release(urls: string[]): void {
  for (const url of urls) URL.revokeObjectURL(url);
}
