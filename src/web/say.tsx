import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Understood } from '../api/types.ts';
import { MAX_INSTRUCTION } from '../core/job.ts';
import * as api from './api.ts';
import { useDesk } from './desk.ts';
import { nameOf } from './format.ts';
import { problemOf, type Reader, useWords, worded } from './language.ts';
import type { Row } from './model.ts';

/** A pause in typing after which the words are read, milliseconds. */
const TYPING_MS = 200;

/** Words for a file that was held or is done, and what the daemon makes of them while they are typed. */
export function Say({ job, onClose }: { job: Row; onClose(): void }) {
  const { words, language } = useWords();
  const { dispatch } = useDesk();
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const goBack = useComing(field);
  const close = () => {
    onClose();
    goBack();
  };
  const send = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    const wanted = text.trim();
    api.refine(job.id, wanted).then(
      made => {
        dispatch({ kind: 'job', job: made });
        close();
      },
      (error: unknown) => {
        setProblem(error);
        setBusy(false);
      },
    );
  };
  return (
    <form class="say" onSubmit={send} onKeyDown={event => event.key === 'Escape' && close()}>
      <label for={id}>{words.words.label(nameOf(job.source))}</label>
      <div class="line">
        <input
          id={id}
          ref={field}
          type="text"
          maxLength={MAX_INSTRUCTION}
          autoComplete="off"
          placeholder={words.upload.example}
          value={text}
          aria-describedby={`${id}-read`}
          onInput={event => setText(event.currentTarget.value)}
        />
        <button type="submit" class="main" disabled={isBusy || text.trim() === ''}>
          {words.words.go}
        </button>
        <button type="button" onClick={close}>
          {words.words.close}
        </button>
      </div>
      <UnderstoodAs id={`${id}-read`} text={text} about={{ job: job.id }} />
      {problem !== undefined && (
        <p class="reason" role="alert">
          {words.because(words.actFailed, problemOf(problem, language))}
        </p>
      )}
    </form>
  );
}

/** The focus comes at once: what is typed right after the press of a button belongs to the field. @returns takes it back there */
function useComing(field: { current: HTMLElement | null }): () => void {
  const opener = useRef(document.activeElement);
  useLayoutEffect(() => field.current?.focus(), []);
  return () => {
    if (opener.current?.isConnected && opener.current instanceof HTMLElement) opener.current.focus();
  };
}

/** How the daemon reads the words; its line is always there, so that nothing moves. */
export function UnderstoodAs({
  text,
  about,
  id,
}: {
  text: string;
  about: Parameters<typeof api.understood>[1];
  id?: string;
}) {
  const reader = useWords();
  const [read, setRead] = useState<Understood>();
  const wanted = text.trim();
  useEffect(() => {
    if (wanted === '') return setRead(undefined);
    const end = new AbortController();
    const ask = () =>
      void api.understood(wanted, about, end.signal).then(
        found => end.signal.aborted || setRead(found),
        () => end.signal.aborted || setRead(undefined),
      );
    const timer = setTimeout(ask, TYPING_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [wanted, ...Object.values(about)]);
  return (
    <p id={id} class={read && !read.understood ? 'understood reason' : 'understood quiet'} aria-live="polite">
      {read && lineOf(read, reader)}
    </p>
  );
}

function lineOf({ understood, text, message, not_understood: unknown }: Understood, { words, language }: Reader) {
  const what = worded(language, text, message);
  if (understood) return words.words.understood(what);
  return unknown.length > 0 ? words.words.notUnderstood(unknown.join(words.separator)) : what;
}
