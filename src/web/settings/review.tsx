import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConfigChange, ConfigEditAsked } from '../../api/types.ts';
import * as api from '../api.ts';
import { problemOf, useWords } from '../language.ts';

interface ReviewProps {
  edit: ConfigEditAsked;
  file: string;
  onSaved(change: ConfigChange): void;
  onClose(): void;
}

const SIGNS = { same: ' ', old: '−', new: '+', gap: '⋯' } as const;

/** The lines that would change, and the button that changes them. */
export function Review({ edit, file, onSaved, onClose }: ReviewProps) {
  const { words, language } = useWords();
  const [change, setChange] = useState<ConfigChange>();
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    api.changeConfig(edit, 'preview').then(setChange, setProblem);
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const save = () => {
    setBusy(true);
    setProblem(undefined);
    api
      .changeConfig(edit, 'save')
      .then(done => (done.saved ? onSaved(done) : setChange(done)), setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <dialog ref={dialog} class="review" aria-labelledby="review-title" onClose={onClose}>
      <h2 id="review-title">{words.settings.reviewTitle(file)}</h2>
      {/* Long lines are scrolled, by keys as well. */}
      <pre tabIndex={0}>
        {(change?.diff ?? []).map(({ kind, text }, index) => (
          <span key={index} class={kind}>
            <span aria-hidden="true">{SIGNS[kind]} </span>
            {(kind === 'old' || kind === 'new') && <span class="unseen">{words.settings.lines[kind]}: </span>}
            {text}
            {'\n'}
          </span>
        ))}
      </pre>
      {change && change.needs_restart.length > 0 && (
        <p class="quiet">{words.settings.restart(change.needs_restart.join(', '))}</p>
      )}
      {problem !== undefined && (
        <p class="reason" role="alert">
          {words.because(words.actFailed, problemOf(problem, language))}
        </p>
      )}
      <div class="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {words.settings.back2}
        </button>
        <button type="button" class="main" disabled={isBusy || change === undefined} onClick={save}>
          {words.settings.save}
        </button>
      </div>
    </dialog>
  );
}
