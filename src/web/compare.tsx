import { useEffect, useState } from 'preact/hooks';
import type { JobDetail } from '../api/types.ts';
import * as api from './api.ts';
import { formatBytes } from './format.ts';
import { useWords } from './speech.ts';

interface Pair {
  after: string;
  /** Absent: there is no original any more; `why` says more. */
  before?: string;
  why: string;
}

/** The same frame of source and result over each other; the slider says how much is seen of which. */
export function Compare({ job }: { job: JobDetail }) {
  const { words } = useWords();
  const pair = usePair(job);
  const [share, setShare] = useState(50);
  if (pair === undefined) return <p class="compare quiet loading">{words.compare.loading}</p>;
  if (typeof pair === 'string') return <p class="quiet">{sentence(words.compare.none, pair)}</p>;
  const sizeAfter = `${words.compare.after} · ${formatBytes(job.output_bytes ?? 0)}`;
  if (pair.before === undefined) {
    return (
      <figure class="compare">
        <div class="pictures">
          <img src={pair.after} alt={words.compare.after} />
        </div>
        <figcaption class="quiet">
          {sizeAfter}. {sentence(words.compare.onlyAfter, pair.why)}
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

function sentence(what: string, why: string): string {
  return why === '' ? `${what}.` : `${what}: ${why}.`;
}

/** Addresses of both pictures, or of the result's alone; a string says why there are none. */
function usePair({ id, original }: JobDetail): Pair | string | undefined {
  const [pair, setPair] = useState<Pair | string>();
  useEffect(() => {
    const end = new AbortController();
    const made: string[] = [];
    const address = async (which: 'before' | 'after') => {
      const url = URL.createObjectURL(await api.picture(id, which, end.signal));
      made.push(url);
      return url;
    };
    const load = async (): Promise<Pair | string> => {
      try {
        const after = await address('after');
        if (original === 'deleted') return { after, why: '' };
        const before = await address('before').catch((error: unknown) => ({ why: messageOf(error) }));
        return typeof before === 'string' ? { after, before, why: '' } : { after, ...before };
      } catch (error) {
        return messageOf(error);
      }
    };
    void load().then(found => (end.signal.aborted ? release(made) : setPair(found)));
    return () => {
      end.abort();
      release(made);
    };
  }, [id]);
  return pair;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

function release(urls: string[]): void {
  for (const url of urls) URL.revokeObjectURL(url);
}
