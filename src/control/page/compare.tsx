import { useEffect, useState } from 'preact/hooks';
import * as api from './api.ts';
import { formatBytes } from './format.ts';
import { useWords } from './speech.ts';

interface Pair {
  before: string;
  after: string;
}

/** The same frame of source and result over each other; the slider says how much is seen of which. */
export function Compare({ id, source, output }: { id: string; source: number; output: number }) {
  const { words } = useWords();
  const pair = usePair(id);
  const [share, setShare] = useState(50);
  if (pair === undefined) return <p class="compare quiet loading">{words.compare.loading}</p>;
  if (typeof pair === 'string') {
    return <p class="quiet">{`${words.compare.none}${pair ? `: ${pair}` : ''}.`}</p>;
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
          {words.compare.before} · {formatBytes(source)}
        </span>
        <span class="push" />
        <span>
          {words.compare.after} · {formatBytes(output)}
        </span>
      </figcaption>
    </figure>
  );
}

/** Addresses of both pictures; a string says why there are none. */
function usePair(id: string): Pair | string | undefined {
  const [pair, setPair] = useState<Pair | string>();
  useEffect(() => {
    const end = new AbortController();
    let made: string[] = [];
    const load = async (): Promise<Pair> => {
      const after = await api.picture(id, 'after', end.signal);
      const before = await api.picture(id, 'before', end.signal);
      made = [before, after].map(blob => URL.createObjectURL(blob));
      return { before: made[0] ?? '', after: made[1] ?? '' };
    };
    load().then(
      found => (end.signal.aborted ? release(made) : setPair(found)),
      (error: unknown) => setPair(error instanceof Error ? error.message : ''),
    );
    return () => {
      end.abort();
      release(made);
    };
  }, [id]);
  return pair;
}

function release(urls: string[]): void {
  for (const url of urls) URL.revokeObjectURL(url);
}
