import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.ts';
import { formatClock } from './format.ts';
import { Icon } from './icons.tsx';
import { useWords } from './language.ts';
import type { Row } from './model.ts';

/** Further apart than this, seconds, the source is moved to where the result is. */
const APART_S = 0.12;
/** At rest both show the same frame. */
const APART_AT_REST_S = 0.005;
/** How often the place is shown, seconds of film. */
const STEP_S = 0.2;

/** Where the edge between both is, percent. */
export interface EdgeProps {
  share: number;
  onShare(share: number): void;
}

/** The edge between source and result, moved by dragging anywhere on the picture or by the arrow keys. */
export function Edge({ share, onShare }: EdgeProps) {
  const { words } = useWords();
  return (
    <>
      <span class="edge" aria-hidden="true" style={{ left: `${share}%` }} />
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label={words.compare.slide}
        onInput={event => onShare(Number(event.currentTarget.value))}
      />
    </>
  );
}

/** How much of the result is seen: what is right of the edge. */
export function cutAt(share: number) {
  return { clipPath: `inset(0 0 0 ${share}%)` };
}

interface TogetherProps extends EdgeProps {
  job: Row;
  /** Where the result begins in the source, seconds; from its end where negative. */
  from: number;
  /** This browser cannot play one of them. */
  onFail(problem?: unknown): void;
}

/** Source and result on top of each other, playing in step. */
export function Together({ job, from, share, onShare, onFail }: TogetherProps) {
  const { words } = useWords();
  const links = useLinks(job.id, onFail);
  const before = useRef<HTMLVideoElement>(null);
  const after = useRef<HTMLVideoElement>(null);
  const { at, isPlaying } = useStep({ before, after, from });
  const length = after.current?.duration || 0;
  const turn = () => void (after.current?.paused ? after.current.play().catch(onFail) : after.current?.pause());
  return (
    <>
      <div class="pictures">
        {links && (
          <>
            <video
              ref={before}
              src={links.before}
              muted
              playsInline
              preload="auto"
              aria-hidden="true"
              onError={() => onFail()}
            />
            <video
              ref={after}
              src={links.after}
              playsInline
              autoPlay
              preload="auto"
              aria-label={words.compare.after}
              style={cutAt(share)}
              onError={() => onFail()}
            />
          </>
        )}
        <Edge share={share} onShare={onShare} />
      </div>
      <Bar
        at={at}
        length={length}
        isPlaying={isPlaying}
        onTurn={turn}
        onSeek={to => {
          if (after.current) after.current.currentTime = to;
        }}
      />
    </>
  );
}

interface BarProps {
  /** Seconds. */
  at: number;
  length: number;
  isPlaying: boolean;
  onTurn(): void;
  onSeek(to: number): void;
}

function Bar({ at, length, isPlaying, onTurn, onSeek }: BarProps) {
  const { words } = useWords();
  return (
    <div class="together line">
      <button type="button" class="small square" aria-label={isPlaying ? words.pause : words.play} onClick={onTurn}>
        <Icon of={isPlaying ? 'pause' : 'play'} />
      </button>
      <input
        type="range"
        class="time"
        min={0}
        max={Math.max(length, 0.1)}
        step={0.1}
        value={at}
        aria-label={words.compare.time}
        aria-valuetext={formatClock(at)}
        onInput={event => onSeek(Number(event.currentTarget.value))}
      />
      <span class="quiet figures">
        {formatClock(at)} / {formatClock(length)}
      </span>
    </div>
  );
}

/** Addresses a player can use; the token is in neither. */
function useLinks(id: string, onFail: (problem: unknown) => void) {
  const [links, setLinks] = useState<{ before: string; after: string }>();
  useEffect(() => {
    let isLate = false;
    Promise.all([api.linkTo(id, 'original'), api.linkTo(id)]).then(
      ([before, after]) => isLate || setLinks({ before, after }),
      (problem: unknown) => isLate || onFail(problem),
    );
    return () => {
      isLate = true;
    };
  }, [id]);
  return links;
}

type Player = { current: HTMLVideoElement | null };

/** The source follows the result, frame by frame: where it is, and whether it plays. */
function useStep({ before, after, from }: { before: Player; after: Player; from: number }) {
  const [now, setNow] = useState({ at: 0, isPlaying: false });
  useEffect(() => {
    let frame = 0;
    const follow = () => {
      frame = requestAnimationFrame(follow);
      const [source, result] = [before.current, after.current];
      if (!source || !result || source.readyState === 0 || result.readyState === 0) return;
      keepInStep(source, result, from);
      const at = Math.round(result.currentTime / STEP_S) * STEP_S;
      const isPlaying = !result.paused && !result.ended;
      setNow(old => (old.at === at && old.isPlaying === isPlaying ? old : { at, isPlaying }));
    };
    frame = requestAnimationFrame(follow);
    return () => cancelAnimationFrame(frame);
  }, [from]);
  return now;
}

function keepInStep(source: HTMLVideoElement, result: HTMLVideoElement, from: number): void {
  const begins = from >= 0 ? from : Math.max(0, source.duration + from);
  const isResting = result.paused || result.ended;
  const wanted = begins + result.currentTime;
  const isApart = Math.abs(source.currentTime - wanted) > (isResting ? APART_AT_REST_S : APART_S);
  if (isApart && !source.seeking) source.currentTime = wanted;
  if (isResting && !source.paused) source.pause();
  else if (!isResting && source.paused) void source.play().catch(() => {});
}
