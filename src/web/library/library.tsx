import { useEffect, useRef, useState } from 'preact/hooks';
import type { ArchiveView } from '../../api/types.ts';
import * as api from '../api.ts';
import { Restore } from '../archive/restore.tsx';
import { unlessBusy } from '../focus.ts';
import { formatBytes, formatCount, formatSpan, formatWhen, nameOf } from '../format.ts';
import { problemAndHint, problemOf, useWords, worded } from '../language.ts';
import { PlanView } from './plan.tsx';
import './library.css';

/** How often it is looked how far libraries are, milliseconds. */
const LOOK_MS = 2_000;

/** Asks the daemon for something and shows what it answers. */
type Ask = (act: api.LibraryAct, about?: { folder: string; plan?: string }) => void;

/** Folders that are worked on in place: their plans, what was confirmed, how far it is, and the way back. */
export default function Libraries() {
  const { words } = useWords();
  const { views, problem, ask, isBusy } = useLibraries();
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <>
      <h2 class="page-title" ref={title} tabIndex={-1}>
        {words.library.title}
      </h2>
      <p role="alert" class="reason">
        {problem}
      </p>
      {views?.length === 0 && <p class="quiet">{words.library.none}</p>}
      {views?.map(view => (
        <Library key={view.library} view={view} isBusy={isBusy} ask={ask} />
      ))}
    </>
  );
}

interface LibraryProps {
  view: api.ShownLibrary;
  isBusy: boolean;
  ask: Ask;
}

function Library({ view, isBusy, ask }: LibraryProps) {
  const { words, language } = useWords();
  const { library, state, reason, messages, archive, plan } = view;
  const hasBegun = state === 'running' || view.done > 0;
  return (
    <section class="card library" aria-label={library}>
      <div class="line">
        <h3 class="path">{library}</h3>
        <span class={`pill ${state === 'running' ? 'working' : ''}`}>{words.library.states[state]}</span>
      </div>
      <p class="quiet">
        {archive === null ? words.library.replaced : words.library.archive(archive)} · {words.library.hints[state]}
      </p>
      {reason !== null && <p class="reason">{worded(language, reason, messages?.reason)}</p>}
      {hasBegun && <SoFar view={view} />}
      {state === 'running' && (
        <div class="line actions-line">
          <button type="button" {...unlessBusy(isBusy, () => ask('stop', { folder: view.exact.library }))}>
            {words.library.stop}
          </button>
          <span class="quiet">{words.library.stopHint}</span>
        </div>
      )}
      {(state === 'idle' || state === 'planned') && <Look view={view} isBusy={isBusy} ask={ask} />}
      {state === 'planning' && <Looking view={view} isBusy={isBusy} ask={ask} />}
      {plan && state !== 'planning' && <PlanView plan={plan} isOpen={state === 'planned'} />}
      {plan && state === 'planned' && <Start view={view} isBusy={isBusy} ask={ask} />}
      {view.done > 0 && <Care view={view} isBusy={isBusy} ask={ask} />}
    </section>
  );
}

/** What was freed, what is left, and which video is at work. */
function SoFar({ view }: { view: api.ShownLibrary }) {
  const { words, language } = useWords();
  const { done, saved_bytes: saved, archived_bytes: archived, left_ms: left, finish_at: end, now, next } = view;
  const count = (n: number) => formatCount(n, language);
  const others = [
    ...(view.held > 0 ? [words.library.needYou(count(view.held))] : []),
    ...(view.left_alone > 0 ? [words.library.leftSoFar(count(view.left_alone))] : []),
  ];
  return (
    <>
      <dl class="figures facts">
        <div>
          <dt>{words.library.smallerBy}</dt>
          <dd class="mid">{formatBytes(saved)}</dd>
          {archived > 0 && <dd class="quiet">{words.library.archived(formatBytes(archived))}</dd>}
        </div>
        <div>
          <dt>{words.library.done}</dt>
          <dd class="mid">{words.library.doneOf(count(done))}</dd>
          {others.length > 0 && <dd class="quiet">{others.join(' · ')}</dd>}
        </div>
        {left !== null && (
          <div>
            <dt>{words.library.remaining}</dt>
            <dd class="mid">{formatSpan(left, language)}</dd>
            {end !== null && <dd class="quiet">{words.library.until(formatWhen(end, Date.now(), language))}</dd>}
          </div>
        )}
      </dl>
      {(now !== null || next !== null) && (
        <p class="quiet path">
          {[
            ...(now === null ? [] : [words.library.atWork(nameOf(now))]),
            ...(next === null ? [] : [words.library.next(nameOf(next))]),
          ].join(' · ')}
        </p>
      )}
    </>
  );
}

/** The folder to look through: all of the library, or one in it. */
function Look({ view: { exact, plan }, isBusy, ask }: LibraryProps) {
  const { words } = useWords();
  const [folder, setFolder] = useState(exact.folder);
  const look = (event: Event) => {
    event.preventDefault();
    ask('plan', { folder });
  };
  return (
    <form class="line look" onSubmit={look}>
      <label class="wide">
        <span class="quiet">{words.library.folder}</span>
        <input type="text" value={folder} spellcheck={false} onInput={event => setFolder(event.currentTarget.value)} />
      </label>
      <button type="submit" class={plan ? '' : 'main'} disabled={isBusy || folder.trim() === ''}>
        {words.library.look}
      </button>
    </form>
  );
}

function Looking({ view: { planning }, isBusy, ask }: LibraryProps) {
  const { words, language } = useWords();
  if (!planning) return null;
  const { folder, found, looked, of } = planning;
  const said =
    of === 0
      ? words.library.found(formatCount(found, language))
      : words.library.looked(formatCount(looked, language), formatCount(of, language));
  return (
    <div class="looking">
      <p class="path">{folder}</p>
      <progress aria-label={said} {...(of === 0 ? {} : { max: of, value: looked })} />
      <div class="line actions-line">
        <span class="quiet figures">{said}</span>
        <span class="push" />
        <button type="button" {...unlessBusy(isBusy, () => ask('plan/stop'))}>
          {words.library.stopLooking}
        </button>
      </div>
    </div>
  );
}

/** Confirms the very plan that is shown: if another was made since, the daemon refuses. */
function Start({ view: { plan, exact, archive }, isBusy, ask }: LibraryProps) {
  const { words, language } = useWords();
  if (!plan) return null;
  const { todo, id } = plan;
  if (todo.films === 0) return <p class="quiet">{words.library.nothing}</p>;
  return (
    <div class="line actions-line">
      <button
        type="button"
        class="main"
        {...unlessBusy(isBusy, () => ask('start', { folder: exact.folder, plan: id }))}
      >
        {words.library.start(formatCount(todo.films, language))}
      </button>
      <span class="quiet">{archive === null ? words.library.startHintReplaced : words.library.startHint}</span>
    </div>
  );
}

/** Whether all is well, and the way back. */
function Care({ view, isBusy, ask }: LibraryProps) {
  const { words, language } = useWords();
  const { check } = view;
  const [isOpen, setOpen] = useState(false);
  const count = (n: number) => formatCount(n, language);
  return (
    <details class="care" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{words.library.care}</summary>
      <div class="line actions-line">
        <button type="button" {...unlessBusy(isBusy || check?.done === false, () => ask('verify'))}>
          {words.library.verify}
        </button>
        <span role="status" class="quiet figures">
          {check?.done === false && words.library.checking(count(check.checked), count(check.of))}
          {check?.done &&
            words.library.checked(count(check.checked), check.problems.length, count(check.problems.length))}
        </span>
      </div>
      {check?.problems.map(({ path, why, message }) => (
        <p key={path} class="reason">
          {words.because(path, worded(language, why, message))}
        </p>
      ))}
      {isOpen && view.archive !== null && <BringBack library={view.library} />}
    </details>
  );
}

function BringBack({ library }: { library: string }) {
  const { words } = useWords();
  const [files, setFiles] = useState<ArchiveView['files']>();
  const load = () =>
    void api.archive().then(
      found => setFiles(found.files.filter(({ source }) => source.startsWith(`${library}/`))),
      () => {},
    );
  useEffect(load, []);
  if (!files) return null;
  if (files.length === 0) return <p class="quiet">{words.library.nothingArchived}</p>;
  return (
    <>
      <h4>{words.library.bringBack}</h4>
      <p class="quiet">
        {words.library.bringBackHint} <a href="#archive">{words.library.theArchive}</a>
      </p>
      <div class="line actions-line">
        <Restore files={files} onDone={load} />
      </div>
    </>
  );
}

function useLibraries() {
  const { words, language } = useWords();
  const [views, setViews] = useState<api.ShownLibrary[]>();
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const show = (found: api.ShownLibrary[]) => {
    setViews(found);
    setProblem('');
  };
  const ask: Ask = (act, about) => {
    setBusy(true);
    api
      .library(act, about)
      .then(show, (error: unknown) =>
        setProblem(error instanceof api.ApiError ? problemAndHint(error, language) : problemOf(error, language)),
      )
      .finally(() => setBusy(false));
  };
  useEffect(() => {
    // What a person was told stays until they do something else.
    const look = () => void api.libraries().then(setViews, () => {});
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [words]);
  return { views, problem, ask, isBusy };
}
