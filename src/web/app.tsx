import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { escapeForTerminal } from '../core/escape.ts';
import { Asked } from './action.tsx';
import { forgetToken, hasToken } from './access.ts';
import * as api from './api.ts';
import { Active, isAtRest } from './active.tsx';
import { type Desk, DeskContext, type Viewing } from './desk.ts';
import { Workers } from './fleet.tsx';
import { unlessBusy, useKeptFocus } from './focus.ts';
import { formatCount, formatSaving, formatWhen, nameOf } from './format.ts';
import { History } from './history.tsx';
import { Icon } from './icons.tsx';
import { firstLanguage, keepLanguage, LanguageContext, learn, type Reader, useWords, worded } from './language.ts';
import { Undo, useLeaving } from './leaving.tsx';
import { type Row, totalOf } from './model.ts';
import { Needs } from './needs.tsx';
import { Phone } from './phone.tsx';
import { Queue } from './queue.tsx';
import { SignIn } from './sign-in.tsx';
import { Space } from './space.tsx';
import { NOTHING_YET, Store, type View } from './store.ts';
import { Upload } from './upload.tsx';
import { Viewer } from './viewer.tsx';
import { type Language, WORDS } from './words.ts';

export function App({ wasLinkOver }: { wasLinkOver: boolean }) {
  const [language, setLanguage] = useState(firstLanguage);
  const [visit, setVisit] = useState(0);
  const choose = (next: Language) => {
    keepLanguage(next);
    void learn(next).then(() => setLanguage(next));
  };
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  return (
    <LanguageContext.Provider value={{ language, words: WORDS[language] }}>
      <Page
        key={visit}
        onLanguage={choose}
        onToken={() => setVisit(visit + 1)}
        problem={visit > 0 && hasToken() ? 'wrong' : wasLinkOver && visit === 0 ? 'link-over' : undefined}
      />
    </LanguageContext.Provider>
  );
}

interface PageProps {
  onLanguage(language: Language): void;
  onToken(): void;
  /** What is wrong with the token, if there has to be one. */
  problem: 'wrong' | 'link-over' | undefined;
}

function Page({ onLanguage, onToken, problem }: PageProps) {
  const { words } = useWords();
  const { view, announcement, dispatch } = useStore();
  const { all, leave, leaving, drop, undo } = useLeaving(dispatch);
  const [viewing, setViewing] = useState<Viewing>();
  const place = usePlace();
  const { model, link, heard } = view;
  useKeptFocus();
  useTitle(model.status === null ? 0 : model.status.counts.running, totalOf(model, 'attention'));
  if (link === 'sign-in') return <SignIn problem={problem} onToken={onToken} />;
  const desk: Desk = { model, heard, dispatch, leaving, leave, view: setViewing };
  return (
    <DeskContext.Provider value={desk}>
      <a class="skip" href={`#${place}`}>
        {words.skip}
      </a>
      <Header view={view} place={place} onStatus={status => dispatch({ kind: 'status', status })} />
      <Notices view={view} />
      {place !== 'jobs' && link !== 'connecting' && <Aside key={place} place={place} />}
      {/* Hidden, not gone: uploads go on, and what was looked for stays found. */}
      <main id="jobs" tabIndex={-1} hidden={place !== 'jobs'} aria-busy={!view.isReady}>
        {model.status === null || !view.isReady ? (
          <p class="quiet">{link === 'connecting' ? words.connecting : ''}</p>
        ) : (
          <>
            <Space status={model.status} finished={view.finished} />
            <div class="live">
              <Active />
              <Needs />
              <Queue />
              <Workers />
            </div>
            <aside>
              <Upload status={model.status} />
            </aside>
            <History />
          </>
        )}
      </main>
      <p class="unseen" role="status" aria-live="polite">
        {announcement}
      </p>
      <Undo all={all} onUndo={undo} onDrop={drop} />
      {viewing && <Viewer viewing={viewing} onClose={() => setViewing(undefined)} />}
      <Footer status={model.status} onLanguage={onLanguage} onSignOut={onToken} />
    </DeskContext.Provider>
  );
}

/** The connection to the daemon for as long as the page is there, and what it last said aloud. */
function useStore() {
  const reader = useRef(useWords());
  reader.current = useWords();
  const [view, setView] = useState<View>(NOTHING_YET);
  const [announcement, setAnnouncement] = useState('');
  const store = useRef<Store>(undefined);
  useEffect(() => {
    const announce = (job: Row) => setAnnouncement(announcementOf(job, reader.current));
    store.current = new Store(setView, announce);
    return () => store.current?.close();
  }, []);
  const dispatch: Desk['dispatch'] = (...updates) => store.current?.dispatch(...updates);
  return { view, announcement, dispatch };
}

type Place = 'jobs' | 'rules' | 'archive' | 'library';

/** What the address asks to be shown: `#rules`, `#archive`, `#library`, or the videos. */
function usePlace(): Place {
  const read = (): Place =>
    (['rules', 'archive', 'library'] as const).find(each => location.hash === `#${each}`) ?? 'jobs';
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const change = () => setPlace(read());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return place;
}

type Loaded = Promise<{ default: ComponentType }>;

/** What most visits don't need: fetched when it is first looked at. */
const ASIDE: Readonly<Record<Exclude<Place, 'jobs'>, { style: string; load(): Loaded }>> = {
  rules: { style: 'settings', load: () => import('./settings/settings.tsx') },
  archive: { style: 'archive-page', load: () => import('./archive/archive.tsx') },
  library: { style: 'library-page', load: () => import('./library/library.tsx') },
};

function Aside({ place }: { place: Exclude<Place, 'jobs'> }) {
  const { words } = useWords();
  const [loaded, setLoaded] = useState<{ Part: ComponentType }>();
  const { style, load } = ASIDE[place];
  useEffect(() => void load().then(({ default: Part }) => setLoaded({ Part })), []);
  return (
    <main id={place} class={style} tabIndex={-1}>
      {loaded ? <loaded.Part /> : <p class="quiet">{words.settings.loading}</p>}
    </main>
  );
}

function Header({
  view: { model, link },
  place,
  onStatus,
}: {
  view: View;
  place: Place;
  onStatus(status: NonNullable<View['model']['status']>): void;
}) {
  const { words } = useWords();
  const [isBusy, setBusy] = useState(false);
  const isResting = model.status !== null && model.status.mode !== 'running';
  const turn = () => {
    setBusy(true);
    api
      .turn(isResting ? 'resume' : 'pause')
      .then(onStatus, () => {})
      .finally(() => setBusy(false));
  };
  const hours = model.status?.local_hours?.hours;
  return (
    <header>
      <h1>
        <span class="mark" aria-hidden="true" />
        <span class="title">{words.title}</span>
      </h1>
      <Pill view={{ model, link }} />
      <span class="push" />
      {hours && <span class="quiet hours">{words.worksAt(hours.replace('-', '–'))}</span>}
      <Places place={place} hasLibraries={(model.status?.libraries ?? 0) > 0} />
      <button
        type="button"
        class={isResting ? 'main' : ''}
        disabled={link !== 'open' || model.status === null}
        {...unlessBusy(isBusy, turn)}
      >
        {isResting ? words.resume : words.pause}
      </button>
      <button
        type="button"
        class={isResting ? 'add' : 'main add'}
        aria-label={words.add}
        disabled={link !== 'open' || model.status === null}
        onClick={() => document.getElementById('files')?.click()}
      >
        <Icon of="plus" />
        <span>{words.add}</span>
      </button>
    </header>
  );
}

/** The ways to what is not about the videos in line, and back. */
function Places({ place, hasLibraries }: { place: Place; hasLibraries: boolean }) {
  const { words } = useWords();
  const isHome = place === 'jobs';
  return (
    <>
      {isHome && hasLibraries && (
        <a class="place libraries" href="#library" aria-label={words.library.title}>
          <Icon of="shelf" />
          <span>{words.library.title}</span>
        </a>
      )}
      <a
        class="place"
        href={isHome ? '#rules' : '#jobs'}
        aria-label={isHome ? words.settings.title : words.settings.back}
      >
        <Icon of={isHome ? 'sliders' : 'film'} />
        <span>{isHome ? words.settings.open : words.settings.back}</span>
      </a>
    </>
  );
}

/** Its mode, how many are in line and when the last will be done; its place is there before anything is known. */
function Pill({ view }: { view: Pick<View, 'model' | 'link'> }) {
  const { words, language } = useWords();
  const { status } = view.model;
  if (status === null && view.link === 'connecting') return <span class="pill">…</span>;
  const mode = modeShown(view);
  const isResting = mode === 'running' && view.model.active.rows.length > 0;
  const waiting = status === null ? 0 : status.counts.queued + status.counts.waiting;
  const end = status?.queue.finish_at ?? null;
  const parts = [
    isResting ? words.resting : words.modes[mode],
    ...(waiting > 0 ? [words.inLine(formatCount(waiting, language))] : []),
    ...(end !== null && mode === 'working' ? [words.doneAbout(formatWhen(end, Date.now(), language))] : []),
  ];
  return <span class={`pill ${mode} figures`}>{parts.join(' · ')}</span>;
}

interface FooterProps {
  status: View['model']['status'];
  onLanguage(language: Language): void;
  onSignOut(): void;
}

function Footer({ status, onLanguage, onSignOut }: FooterProps) {
  const { words, language } = useWords();
  const [isLinking, setLinking] = useState(false);
  const signOut = () => {
    forgetToken();
    onSignOut();
  };
  return (
    <footer>
      <label class="language line">
        <span class="quiet">{words.language}</span>
        <select value={language} onChange={event => onLanguage(event.currentTarget.value as Language)}>
          <option value="en" lang="en">
            English
          </option>
          <option value="zh" lang="zh-CN">
            中文
          </option>
        </select>
      </label>
      {status !== null && (
        <button type="button" class="plain" aria-haspopup="dialog" onClick={() => setLinking(true)}>
          {words.phone.open}
        </button>
      )}
      {hasToken() && (
        <button type="button" class="plain" onClick={signOut}>
          {words.signIn.out}
        </button>
      )}
      <span class="push" />
      <span class="quiet">{status === null ? '' : `shrinkbox ${status.version}`}</span>
      {isLinking && <Phone page={status?.page ?? null} onClose={() => setLinking(false)} />}
    </footer>
  );
}

type Shown = keyof Reader['words']['modes'];

function modeShown({ model, link }: Pick<View, 'model' | 'link'>): Shown {
  const { status, active } = model;
  if (link === 'lost' || status === null) return 'offline';
  const isWorking = active.rows.some(job => !isAtRest(model, job));
  return status.mode === 'running' && isWorking ? 'working' : status.mode;
}

/** What everybody should know first. */
function Notices({ view: { model, link } }: { view: View }) {
  const { words, language } = useWords();
  const troubled = model.status?.folders.filter(folder => folder.reason !== null) ?? [];
  const isPaused = model.status?.mode === 'paused';
  // The pause has already been shown.
  const paused =
    model.status?.engines.filter(
      ({ name, ready, reason, action }) =>
        (!ready || action !== null) && reason !== null && !(isPaused && name !== 'nemo'),
    ) ?? [];
  return (
    <div class="notices" role="region" aria-label={words.title}>
      <div role="alert">{link === 'lost' && <p class="notice bad">{words.offline}</p>}</div>
      {isPaused && <p class="notice">{words.pausedNote}</p>}
      {troubled.map(({ inbox, available, reason, messages }) => (
        <p class="notice bad" key={inbox}>
          {escapeForTerminal(
            (available ? words.folderTrouble : words.folderAway)(
              inbox,
              worded(language, reason ?? '', messages?.reason),
            ),
          )}
        </p>
      ))}
      {paused.map(({ name, reason, action, messages }) => (
        <p class="notice" key={name}>
          {words.enginePaused(words.engines[name] ?? name, worded(language, reason ?? '', messages?.reason))}
          {action !== null && (
            <span class="asked">
              <Asked action={action} message={messages?.action} />
            </span>
          )}
        </p>
      ))}
    </div>
  );
}

function announcementOf(job: Row, { words, language }: Reader): string {
  const name = nameOf(job.source);
  if (job.state === 'failed') return words.announce.failed(name);
  if (job.state === 'held') return words.announce.held(name);
  return words.announce.done(name, formatSaving(job, language));
}

/** The title counts jobs, for a tab in the background. */
function useTitle(running: number, attention: number): void {
  useEffect(() => {
    const marks = [...(attention > 0 ? [`⚠ ${attention}`] : []), ...(running > 0 ? [`▶ ${running}`] : [])];
    document.title = [...marks, 'shrinkbox'].join(' · ');
  }, [running, attention]);
}
