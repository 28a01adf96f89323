import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api.ts';
import { Compare } from './compare.tsx';
import type { Viewing } from './desk.ts';
import { formatBytes, formatSaving, nameOf } from './format.ts';
import { problemOf, useWords } from './language.ts';
import type { Row } from './model.ts';

/** A result above the page: played, or beside its source. Escape and the browser's own dialog close it. */
export function Viewer({ viewing, onClose }: { viewing: Viewing; onClose(): void }) {
  const { words, language } = useWords();
  const [as, setAs] = useState(viewing.as);
  const dialog = useRef<HTMLDialogElement>(null);
  const { job } = viewing;
  const { problem, download } = useDownload();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const name = nameOf(job.source);
  return (
    <dialog
      ref={dialog}
      class="viewer"
      aria-label={name}
      onClose={onClose}
      onClick={event => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="viewer-head">
        <strong class="name">{name}</strong>
        <span class="quiet figures">
          {formatBytes(job.output_bytes ?? 0)} {formatSaving(job, language)}
        </span>
        <span class="push" />
        <button type="button" class="small" onClick={() => setAs(as === 'play' ? 'compare' : 'play')}>
          {as === 'play' ? words.compare.open : words.play}
        </button>
        <button type="button" class="small" onClick={() => download(job.id)}>
          {words.download}
        </button>
        <button type="button" class="small main" onClick={() => dialog.current?.close()}>
          {words.close}
        </button>
      </div>
      {problem !== undefined && (
        <p class="reason" role="alert">
          {words.because(words.actFailed, problemOf(problem, language))}
        </p>
      )}
      {as === 'play' ? <Player job={job} /> : <Compare job={job} />}
    </dialog>
  );
}

function Player({ job }: { job: Row }) {
  const { words, language } = useWords();
  const [link, setLink] = useState<string>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    let isLate = false;
    api.linkTo(job.id).then(
      path => isLate || setLink(path),
      (error: unknown) => isLate || setProblem(problemOf(error, language)),
    );
    return () => {
      isLate = true;
    };
  }, [job.id]);
  if (problem !== undefined) {
    return (
      <p class="reason" role="alert">
        {words.because(words.actFailed, problem)}
      </p>
    );
  }
  return (
    <video
      class="player"
      controls
      autoPlay
      playsInline
      aria-label={nameOf(job.source)}
      {...(link === undefined ? {} : { src: link })}
      onError={() => setProblem(words.cannotPlay)}
    />
  );
}

/** Has the browser save a result under its own name. */
export function useDownload() {
  const [problem, setProblem] = useState<unknown>();
  const download = (id: string) => {
    setProblem(undefined);
    api.linkTo(id).then(path => {
      const anchor = document.createElement('a');
      anchor.href = `${path}&download`;
      anchor.download = '';
      anchor.click();
    }, setProblem);
  };
  return { problem, download };
}
