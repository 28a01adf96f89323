import { useEffect, useRef, useState } from 'preact/hooks';
import { escapeForTerminal } from '../core/escape.ts';
import { Asked } from './action.tsx';
import * as api from './api.ts';
import { formatSaving, nameOf } from './format.ts';
import { History } from './history.tsx';
import { Attention, Active, Queue } from './jobs.tsx';
import { LanguageContext, type Reader, useWords, worded } from './language.ts';
import { EMPTY, type Row } from './model.ts';
import { Savings } from './savings.tsx';
import { SignIn } from './sign-in.tsx';
import { Store, type View } from './store.ts';
import { Upload } from './upload.tsx';
import { type Language, languageFor, WORDS } from './words.ts';

const KEPT_LANGUAGE = 'shrinkbox-language';

export function App() {
  const [language, setLanguage] = useState(() => languageFor(localStorage.getItem(KEPT_LANGUAGE), navigator.languages));
  const [visit, setVisit] = useState(0);
  const choose = (next: Language) => {
    localStorage.setItem(KEPT_LANGUAGE, next);
    setLanguage(next);
  };
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  return (
    <LanguageContext.Provider value={{ language, words: WORDS[language] }}>
      <Page key={visit} onLanguage={choose} onToken={() => setVisit(visit + 1)} isSecondTry={visit > 0} />
    </LanguageContext.Provider>
  );
}

interface PageProps {
  onLanguage(language: Language): void;
  onToken(): void;
  isSecondTry: boolean;
}

function Page({ onLanguage, onToken, isSecondTry }: PageProps) {
  const { words, language } = useWords();
  const [view, setView] = useState<View>({ model: EMPTY, link: 'connecting', finished: 0 });
  const [announcement, setAnnouncement] = useState('');
  const store = useRef<Store>(undefined);
  const reader = useRef({ words, language });
  reader.current = { words, language };
  useEffect(() => {
    const announce = (job: Row) => setAnnouncement(announcementOf(job, reader.current));
    store.current = new Store(setView, announce);
    return () => store.current?.close();
  }, []);

  const { model, link } = view;
  useTitle(model.status === null ? 0 : model.status.counts.running, model.attention.rows.length);
  if (link === 'sign-in') return <SignIn wasWrong={isSecondTry} onToken={onToken} />;
  const dispatch = (...updates: Parameters<Store['dispatch']>) => store.current?.dispatch(...updates);
  return (
    <>
      <a class="skip" href="#jobs">
        {words.skip}
      </a>
      <Header view={view} onStatus={status => dispatch({ kind: 'status', status })} />
      <Notices view={view} />
      <main id="jobs" tabIndex={-1} aria-busy={model.status === null}>
        {model.status === null ? (
          <p class="quiet">{link === 'connecting' ? words.connecting : ''}</p>
        ) : (
          <>
            <Attention model={model} dispatch={dispatch} />
            <Active model={model} dispatch={dispatch} />
            <aside>
              <Upload status={model.status} />
              <Savings totals={model.status.totals} finished={view.finished} />
            </aside>
            <Queue model={model} dispatch={dispatch} />
            <History model={model} dispatch={dispatch} />
          </>
        )}
      </main>
      <p class="unseen" role="status" aria-live="polite">
        {announcement}
      </p>
      <Footer version={model.status?.version} onLanguage={onLanguage} />
    </>
  );
}

function Header({
  view: { model, link },
  onStatus,
}: {
  view: View;
  onStatus(status: NonNullable<View['model']['status']>): void;
}) {
  const { words } = useWords();
  const [isBusy, setBusy] = useState(false);
  const mode = modeShown({ model, link });
  const isResting = model.status !== null && model.status.mode !== 'running';
  const turn = () => {
    setBusy(true);
    api
      .turn(isResting ? 'resume' : 'pause')
      .then(onStatus, () => {})
      .finally(() => setBusy(false));
  };
  return (
    <header>
      <h1>
        <span class="mark" aria-hidden="true" />
        {words.title}
      </h1>
      <span class={`pill ${mode}`}>{words.modes[mode]}</span>
      <span class="push" />
      <button
        type="button"
        class={isResting ? 'main' : ''}
        disabled={isBusy || link !== 'open' || model.status === null}
        onClick={turn}
      >
        {isResting ? words.resume : words.pause}
      </button>
    </header>
  );
}

function Footer({ version, onLanguage }: { version: string | undefined; onLanguage(language: Language): void }) {
  const { words, language } = useWords();
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
      <span class="push" />
      <span class="quiet">{version === undefined ? '' : `shrinkbox ${version}`}</span>
    </footer>
  );
}

type Shown = keyof Reader['words']['modes'];

function modeShown({ model: { status, active }, link }: Pick<View, 'model' | 'link'>): Shown {
  if (link === 'lost' || status === null) return 'offline';
  return status.mode === 'running' && active.rows.length > 0 ? 'working' : status.mode;
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
        (!ready || action !== null) && reason !== null && !(isPaused && name === 'local'),
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
