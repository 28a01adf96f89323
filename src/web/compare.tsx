import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.ts';
import { formatBytes } from './format.ts';
import { problemOf, useWords } from './language.ts';
import type { Row } from './model.ts';
import { cutAt, Edge, type EdgeProps, Together } from './together.tsx';

interface Pair {
  after: string;
  /** If absent, there is no picture of the original. */
  before?: string;
  /** Why not. */
  problem?: Error;
  /** Where the result begins in the source, seconds. */
  from: number;
}

/** The same frame of source and result on top of each other; dragging on them, or the arrow keys, move the edge between. */
export function Compare({ job }: { job: Row }) {
  const { words, language } = useWords();
  const [moment, setMoment] = useState(USUAL_MOMENT);
  const pair = usePair(job.id, moment);
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
  const moments = <Moments moment={moment} onChoose={setMoment} />;
  return <Both job={job} before={pair.before} after={pair.after} from={pair.from} moments={moments} />;
}

const MOMENTS = [1, 2, 3, 4, 5] as const;
/** A third into the film. */
const USUAL_MOMENT = 2;

function Moments({ moment, onChoose }: { moment: number; onChoose(moment: number): void }) {
  const { words } = useWords();
  return (
    <span class="moments" role="group" aria-label={words.compare.moments}>
      {MOMENTS.map(each => (
        <button
          key={each}
          type="button"
          class="small square"
          aria-pressed={each === moment}
          aria-label={words.compare.moment(each, MOMENTS.length)}
          onClick={() => onChoose(each)}
        >
          {each}
        </button>
      ))}
    </span>
  );
}

interface BothProps {
  job: Row;
  before: string;
  after: string;
  from: number;
  moments: ComponentChildren;
}

function Both({ job, before, after, from, moments }: BothProps) {
  const { words } = useWords();
  const [share, setShare] = useState(50);
  const [hasLoupe, setLoupe] = useState(false);
  const [as, setAs] = useState<'stills' | 'play' | 'unplayable'>('stills');
  const isPlaying = as === 'play';
  return (
    <figure class="compare">
      {isPlaying ? (
        <Together job={job} from={from} share={share} onShare={setShare} onFail={() => setAs('unplayable')} />
      ) : (
        <Stills before={before} after={after} share={share} onShare={setShare} hasLoupe={hasLoupe} />
      )}
      <figcaption class="line quiet">
        <span>
          {words.compare.before} · {formatBytes(job.source_bytes)}
        </span>
        <span class="push" />
        {!isPlaying && moments}
        {!isPlaying && (
          <button
            type="button"
            class="small"
            aria-pressed={hasLoupe}
            title={words.compare.hint}
            onClick={() => setLoupe(!hasLoupe)}
          >
            {words.compare.loupe}
          </button>
        )}
        {as !== 'unplayable' && (
          <button type="button" class="small" onClick={() => setAs(isPlaying ? 'stills' : 'play')}>
            {isPlaying ? words.compare.stills : words.compare.together}
          </button>
        )}
        <span class="push" />
        <span>
          {words.compare.after} · {formatBytes(job.output_bytes ?? 0)}
        </span>
      </figcaption>
      <p class="quiet" role="status">
        {as === 'unplayable' ? words.compare.cannotPlay : ''}
      </p>
    </figure>
  );
}

interface StillsProps extends EdgeProps {
  before: string;
  after: string;
  hasLoupe: boolean;
}

function Stills({ before, after, share, onShare, hasLoupe }: StillsProps) {
  const { words } = useWords();
  const { place, glass, follow, leave, lift } = useLoupe(hasLoupe, share);
  const cut = cutAt(share);
  return (
    <div
      class="pictures"
      ref={place}
      onPointerMove={follow}
      onPointerDown={follow}
      onPointerLeave={leave}
      onKeyDown={lift}
    >
      <img src={before} alt={words.compare.before} />
      <img src={after} alt={words.compare.after} style={cut} />
      <Edge share={share} onShare={onShare} />
      {glass && (
        <span class="loupe" aria-hidden="true" style={glass.frame}>
          <img src={before} alt="" style={glass.picture} />
          <img src={after} alt="" style={{ ...glass.picture, ...cut }} />
        </span>
      )}
    </div>
  );
}

/** Pixels across. */
const LOUPE = 220;

/** Places in pixels. */
interface Glass {
  frame: Record<'left' | 'top' | 'width' | 'height', string>;
  picture: Record<'left' | 'top' | 'width' | 'height', string>;
}

/** A picture that is shown this large already is magnified; a larger one is shown pixel by pixel. */
const NEARLY_WHOLE = 0.8;

/** How far a key lifts or lowers the loupe, a share of the picture. */
const LIFT = 0.05;

/** A round part of both pictures under the pointer, or on the edge, which keys move. */
function useLoupe(isOn: boolean, share: number) {
  const place = useRef<HTMLDivElement>(null);
  const [glass, setGlass] = useState<Glass>();
  const [height, setHeight] = useState(0.5);
  const pointer = useRef(false);
  const show = (at: (box: DOMRect) => readonly [x: number, y: number]) => {
    const element = place.current;
    const picture = element?.querySelector('img');
    if (!isOn || !element || !picture) return setGlass(undefined);
    const box = element.getBoundingClientRect();
    const [x, y] = at(box);
    const natural = picture.naturalWidth / devicePixelRatio;
    const width = box.width > natural * NEARLY_WHOLE ? box.width * 2 : natural;
    const tall = (width / picture.naturalWidth) * picture.naturalHeight;
    const left = LOUPE / 2 - (x / box.width) * width;
    const top = LOUPE / 2 - (y / box.height) * tall;
    const px = (n: number) => `${n}px`;
    setGlass({
      frame: { left: px(x - LOUPE / 2), top: px(y - LOUPE / 2), width: px(LOUPE), height: px(LOUPE) },
      picture: { left: px(left), top: px(top), width: px(width), height: px(tall) },
    });
  };
  const onEdge = () => show(box => [(share / 100) * box.width, height * box.height]);
  const follow = ({ clientX, clientY }: PointerEvent) => {
    pointer.current = true;
    show(box => [clientX - box.left, clientY - box.top]);
  };
  const leave = () => {
    pointer.current = false;
    setGlass(undefined);
  };
  const lift = (event: KeyboardEvent) => {
    pointer.current = false;
    const by = { ArrowUp: -LIFT, ArrowDown: LIFT }[event.key];
    if (!isOn || by === undefined) return;
    // Else the edge would move.
    event.preventDefault();
    setHeight(Math.min(1, Math.max(0, height + by)));
  };
  useEffect(() => {
    if (!pointer.current) onEdge();
  }, [isOn, share, height]);
  return { place, glass, follow, leave, lift };
}

/** Addresses of both pictures, or only of the result's; an error if there is none. */
function usePair(id: string, moment: number): Pair | Error | undefined {
  const [pair, setPair] = useState<Pair | Error>();
  useEffect(() => {
    const end = new AbortController();
    const made: string[] = [];
    const address = async (which: 'before' | 'after') => {
      const url = URL.createObjectURL(await api.picture(id, { which, moment }, end.signal));
      made.push(url);
      return url;
    };
    const load = async (): Promise<Pair> => {
      const after = await address('after');
      const { original, part } = await api.job(id);
      const from = part?.from ?? 0;
      if (original === 'deleted') return { after, from };
      return address('before').then(
        before => ({ after, before, from }),
        (error: unknown) => ({ after, from, problem: asError(error) }),
      );
    };
    void load()
      .catch(asError)
      .then(found => (end.signal.aborted ? release(made) : setPair(found)));
    return () => {
      end.abort();
      release(made);
    };
  }, [id, moment]);
  return pair;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function release(urls: string[]): void {
  for (const url of urls) URL.revokeObjectURL(url);
}
