import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.ts';
import { Icon } from './icons.tsx';
import type { Row } from './model.ts';

/** The server makes one at a time, and a browser has six connections: the rest of the page needs some of them. */
const AT_ONCE = 2;
/** Addresses kept; a page of a list has 25. */
const KEPT = 300;

/** Address of each picture by job and side; `null` where there is none. The oldest come first. */
const known = new Map<string, string | null>();
const waiting: (() => void)[] = [];
let busy = 0;

/** A small picture of the source, or of the result once there is one; fetched when it comes into view. Its place never changes. */
export function Thumb({ job, isLarge = false }: { job: Row; isLarge?: boolean }) {
  const of = job.state === 'done' ? 'after' : 'before';
  const key = `${job.id} ${of}`;
  const place = useRef<HTMLSpanElement>(null);
  const [url, setUrl] = useState(() => known.get(key));
  useEffect(() => {
    const found = known.get(key);
    setUrl(found);
    const element = place.current;
    if (found !== undefined || element === null) return undefined;
    const end = new AbortController();
    const observer = new IntersectionObserver(
      seen => {
        if (!seen.some(each => each.isIntersecting)) return;
        observer.disconnect();
        void fetchOnce(key, { id: job.id, of }, end.signal).then(made => end.signal.aborted || setUrl(made));
      },
      { rootMargin: '200px' },
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      end.abort();
    };
  }, [key]);
  return (
    <span class={isLarge ? 'thumb large' : 'thumb'} ref={place} aria-hidden="true">
      {url ? <img src={url} alt="" /> : <Icon of="film" />}
    </span>
  );
}

async function fetchOnce(
  key: string,
  { id, of }: { id: string; of: 'before' | 'after' },
  signal: AbortSignal,
): Promise<string | null | undefined> {
  if (busy >= AT_ONCE) await new Promise<void>(resolve => waiting.push(resolve));
  busy += 1;
  try {
    if (signal.aborted || known.has(key)) return known.get(key);
    const url = await api.thumbnail(id, of, signal).then(
      blob => URL.createObjectURL(blob),
      (error: unknown) => (error instanceof api.ApiError && error.status === 404 ? null : undefined),
    );
    if (url !== undefined) keep(key, url);
    return url;
  } finally {
    busy -= 1;
    waiting.shift()?.();
  }
}

function keep(key: string, url: string | null): void {
  known.set(key, url);
  const [oldest] = known;
  if (known.size <= KEPT || oldest === undefined) return;
  known.delete(oldest[0]);
  if (oldest[1] !== null) URL.revokeObjectURL(oldest[1]);
}
