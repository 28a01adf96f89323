import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ConfigChange, ConfigView } from '../../api/types.ts';
import * as api from '../api.ts';
import { problemOf, useWords, worded } from '../language.ts';
import { type Draft, draftOf, type Editing, editOf } from './draft.ts';
import { Folders } from './folders.tsx';
import { Hours, Notifications } from './others.tsx';
import { Review } from './review.tsx';
import { Rules } from './rules.tsx';
import './settings.css';
import { Which } from './which.tsx';

/** Whether the file was changed by somebody else is looked at this often, milliseconds. */
const LOOK_MS = 10_000;
/** A pause in typing after which the changes are checked, milliseconds. */
const TYPING_MS = 300;

/** The rules and settings of the configuration file. */
export default function Settings() {
  const { words, language } = useWords();
  const { view, problem, isStale, load } = useConfig();
  if (view) return <Editor view={view} isStale={isStale} load={load} />;
  return <p class="quiet">{problem === undefined ? words.settings.loading : problemOf(problem, language)}</p>;
}

interface EditorProps {
  view: ConfigView;
  isStale: boolean;
  load(): Promise<void>;
}

function Editor({ view, isStale, load }: EditorProps) {
  const { words } = useWords();
  const { draft, edit, problems, change, drop } = useDraft({ view, isStale, load });
  const [notice, setNotice] = useState('');
  const [isReviewing, setReviewing] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const editing: Editing = { view, draft, problems, change };
  const saved = (done: ConfigChange) => {
    const restart = done.needs_restart.length > 0 ? ` ${words.settings.restart(done.needs_restart.join(', '))}` : '';
    setNotice(words.settings.saved + restart);
    setReviewing(false);
    drop();
    title.current?.focus();
  };
  return (
    <>
      <Head view={view} title={title} />
      <p class="saved" role="status">
        {edit ? '' : notice}
      </p>
      {isStale && edit && <Conflict onDiscard={drop} />}
      <div class="columns">
        <div>
          <Rules editing={editing} />
        </div>
        <div>
          <Which isChanged={edit !== undefined} view={view} />
          <Folders editing={editing} />
          <Hours editing={editing} />
          <Notifications editing={editing} />
        </div>
      </div>
      {edit && (
        <Unsaved
          isWrong={problems.length > 0}
          canSave={problems.length === 0 && !isStale}
          onDiscard={drop}
          onReview={() => setReviewing(true)}
        />
      )}
      {isReviewing && edit && (
        <Review edit={edit} file={view.file ?? ''} onSaved={saved} onClose={() => setReviewing(false)} />
      )}
    </>
  );
}

/** What is changed, and what `shrinkbox check` says of it. */
function useDraft({ view, isStale, load }: EditorProps) {
  const [changed, setDraft] = useState<Draft>();
  const asRead = useMemo(() => draftOf(view), [view]);
  const edit = changed && editOf(view, changed);
  const checked = useCheck(edit);
  const drop = () => void load().then(() => setDraft(undefined));
  // Nobody has changed anything here: what is in the file now is shown.
  useEffect(() => {
    if (isStale && !edit) drop();
  }, [isStale]);
  const problems = edit ? (checked?.problems ?? []) : view.problems;
  return { draft: changed ?? asRead, edit, problems, change: setDraft, drop };
}

function Conflict({ onDiscard }: { onDiscard(): void }) {
  const { words } = useWords();
  return (
    <p class="notice bad" role="alert">
      {words.settings.conflict}{' '}
      <button type="button" class="small" onClick={onDiscard}>
        {words.settings.reload}
      </button>
    </p>
  );
}

interface UnsavedProps {
  isWrong: boolean;
  canSave: boolean;
  onDiscard(): void;
  onReview(): void;
}

/** Stays in sight while something is changed and not saved. */
function Unsaved({ isWrong, canSave, onDiscard, onReview }: UnsavedProps) {
  const { words } = useWords();
  return (
    <div class="unsaved card">
      <strong>{isWrong ? words.settings.correct : words.settings.changed}</strong>
      <span class="push" />
      <button type="button" onClick={onDiscard}>
        {words.settings.discard}
      </button>
      <button type="button" class="main" disabled={!canSave} onClick={onReview}>
        {words.settings.review}
      </button>
    </div>
  );
}

function Head({ view, title }: { view: ConfigView; title: { current: HTMLHeadingElement | null } }) {
  const { words, language } = useWords();
  return (
    <div class="settings-head">
      <h2 ref={title} tabIndex={-1}>
        {words.settings.title}
      </h2>
      <p class="quiet">
        {words.settings.file}: <code>{view.file ?? words.settings.builtIn}</code>
      </p>
      {view.why_not !== null && (
        <p class="notice">{words.settings.readOnly(worded(language, view.why_not, view.messages.why_not))}</p>
      )}
      {view.problems.length > 0 && (
        <div class="notice bad">
          <p>{words.settings.mistakes}</p>
          <ul>
            {view.problems.map(({ line, column, path, message, messages }, index) => (
              <li key={index}>
                {words.settings.at(line, column)}: {path && <code>{path}</code>}{' '}
                {worded(language, message, messages.message)}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

/** The file as it is; `isStale` once somebody else has changed it. */
function useConfig() {
  const [view, setView] = useState<ConfigView>();
  const [problem, setProblem] = useState<unknown>();
  const [isStale, setStale] = useState(false);
  const load = () =>
    api.config().then(found => {
      setView(found);
      setStale(false);
      setProblem(undefined);
    }, setProblem);
  useEffect(() => void load(), []);
  const version = view?.version;
  useEffect(() => {
    const look = () => {
      if (document.hidden) return;
      api.config().then(
        found => setStale(version !== undefined && found.version !== version),
        () => {},
      );
    };
    const timer = setInterval(look, LOOK_MS);
    addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      removeEventListener('visibilitychange', look);
    };
  }, [version]);
  return { view, problem, isStale, load };
}

/** What `shrinkbox check` says of the changes, a moment after the last one. */
function useCheck(edit: ReturnType<typeof editOf>): ConfigChange | undefined {
  const [checked, setChecked] = useState<ConfigChange>();
  const asked = JSON.stringify(edit);
  useEffect(() => {
    if (!edit) return setChecked(undefined);
    const end = new AbortController();
    const timer = setTimeout(() => {
      api.changeConfig(edit, 'preview', end.signal).then(
        found => end.signal.aborted || setChecked(found),
        () => {},
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [asked]);
  return checked;
}
