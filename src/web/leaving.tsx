import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.ts';
import type { Desk, Leave } from './desk.ts';
import { nameOf } from './format.ts';
import { problemOf, useWords } from './language.ts';
import type { Row } from './model.ts';

/** How long the way back is offered here, milliseconds; in the job's details it is there for longer. */
const SHOWN_MS = 10_000;
/** A running job takes a moment to stop; until then it cannot be taken up again. */
const STOPPING_MS = 500;
const STOPPING_TRIES = 20;

interface Leaving {
  key: number;
  jobs: readonly Row[];
  as: Leave;
  problem?: unknown;
}

let nextKey = 1;

/** Jobs that somebody cancelled, which can be taken back. */
export function useLeaving(dispatch: Desk['dispatch']) {
  const [all, setAll] = useState<readonly Leaving[]>([]);
  const [leaving, setLeaving] = useState<ReadonlySet<string>>(new Set());
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  useEffect(() => () => timers.current.forEach(clearTimeout), []);
  const drop = (key: number) => setAll(now => now.filter(each => each.key !== key));
  const fail = (key: number, problem: unknown) =>
    setAll(now => now.map(each => (each.key === key ? { ...each, problem } : each)));
  const leave: Desk['leave'] = (jobs, as) => {
    const key = nextKey++;
    const ids = jobs.map(({ id }) => id);
    setAll(now => [...now, { key, jobs, as }]);
    setLeaving(now => new Set([...now, ...ids]));
    const end = () => (hasFocusIn(key) ? later() : drop(key));
    const later = () => timers.current.add(setTimeout(end, SHOWN_MS));
    later();
    void each(ids, async id => dispatch({ kind: 'job', job: await api.act('cancel', id) }))
      .catch((error: unknown) => fail(key, error))
      .finally(() => setLeaving(now => new Set([...now].filter(id => !ids.includes(id)))));
  };
  const undo = ({ key, jobs }: Leaving) => {
    drop(key);
    const ids = jobs.map(({ id }) => id);
    void each(ids, async id => dispatch({ kind: 'job', job: await takeUp(id) })).catch((problem: unknown) =>
      setAll(now => [...now, { key, jobs, as: 'cancelled', problem }]),
    );
  };
  useUndoKey(all, undo);
  return { all, leave, leaving, drop, undo };
}

/** The way back does not go while somebody is on it. */
function hasFocusIn(key: number): boolean {
  return document.activeElement?.closest(`[data-leaving="${key}"]`) != null;
}

const IS_MAC = navigator.platform.startsWith('Mac');

/** The last one is taken back by the key for it, because ten seconds are too few to walk there. */
function useUndoKey(all: readonly Leaving[], undo: (leaving: Leaving) => void): void {
  const now = useRef({ all, undo });
  now.current = { all, undo };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const last = now.current.all.findLast(({ problem }) => problem === undefined);
      const isKey = event.key === 'z' && (IS_MAC ? event.metaKey : event.ctrlKey) && !event.shiftKey;
      if (!isKey || !last || isTyping(event.target)) return;
      event.preventDefault();
      now.current.undo(last);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('input:not([type="checkbox"], [type="range"]), textarea');
}

/** One after the other: a hundred requests at once would only wait for each other. @throws the last that went wrong */
async function each(ids: readonly string[], act: (id: string) => Promise<void>): Promise<void> {
  let problem: unknown;
  for (const id of ids) {
    await act(id).catch((error: unknown) => {
      problem = error;
    });
  }
  if (problem !== undefined) throw problem;
}

async function takeUp(id: string): Promise<Row> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await api.act('retry', id);
    } catch (error) {
      const isStopping = error instanceof api.ApiError && error.status === 409;
      if (!isStopping || tries >= STOPPING_TRIES) throw error;
      await new Promise(resolve => setTimeout(resolve, STOPPING_MS));
    }
  }
}

interface UndoProps {
  all: readonly Leaving[];
  onUndo(leaving: Leaving): void;
  onDrop(key: number): void;
}

/** What was just done, with a way back. */
export function Undo({ all, onUndo, onDrop }: UndoProps) {
  const { words, language } = useWords();
  return (
    <div class="toasts" role="status">
      {all.map(leaving => {
        const { key, jobs, as, problem } = leaving;
        const [first] = jobs;
        const name = jobs.length === 1 && first ? nameOf(first.source) : words.undo.videos(jobs.length);
        const isDone = problem === undefined;
        return (
          <p key={key} class="toast" data-leaving={key}>
            <span class="name">
              {isDone ? words.undo[as](name) : words.because(words.undo.failed, problemOf(problem, language))}
            </span>
            {isDone && all.at(-1) === leaving && <kbd class="by-keys">{IS_MAC ? '⌘ Z' : 'Ctrl Z'}</kbd>}
            <button
              type="button"
              aria-keyshortcuts={IS_MAC ? 'Meta+Z' : 'Control+Z'}
              onClick={() => (isDone ? onUndo(leaving) : onDrop(key))}
            >
              {isDone ? words.undo.undo : words.undo.close}
            </button>
          </p>
        );
      })}
    </div>
  );
}
