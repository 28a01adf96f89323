import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { Conf } from '../account/conf.ts';
import type { CloudContext, FolderSessions, Session } from '../context.ts';
import { idAt } from '../http/json.ts';
import { languageFor } from '../message/prompt.ts';

/**
 * Opens a session: the home of the timeline of one file (or of one folder's files). It costs nothing, so the call may be repeated
 * after transient trouble: at worst an empty session is left. Ids stay strings, because they exceed 2^53.
 */
export async function openSession(
  {
    client,
    auth,
    settings,
    clock,
    readWords,
  }: Pick<CloudContext, 'client' | 'auth' | 'settings' | 'clock' | 'readWords'>,
  { instruction, signal }: { instruction?: string | undefined; signal: AbortSignal },
): Promise<Session> {
  const doing = say('nemo.doing-session');
  const { text } = await client
    .call({
      doing,
      method: 'POST',
      path: '/api/tasks/me/with-session/nemo_agent',
      json: JSON.stringify({ task_name: 'project', language: languageFor(instruction, settings.language, readWords) }),
      signal,
      repeats: 1,
    })
    .catch((error: unknown) => {
      // No session can be gone yet: the address is wrong.
      throw isShrinkError(error, 'session-gone') ? notTheService(doing) : error;
    });
  const at = (...names: string[]) => idAt(text, ...names.map(name => `data.${name}`), ...names);
  const id = at('session_id', 'sessionId');
  if (id === undefined) throw notTheService(doing);
  return {
    id,
    task: at('task_id', 'taskId', 'id'),
    user: at('user_id', 'userId') ?? auth.current?.userId,
    token: auth.current?.print ?? '',
    madeAt: clock.now(),
    shared: false,
  };
}

function notTheService(doing: Sentence): ShrinkError {
  return new ShrinkError('bad-answer', say('nemo.while', { doing, problem: say('nemo.no-session-in-reply') }), {
    doing,
    hint: say('nemo.check-api-url-retry-hint'),
  });
}

/** `busy`: the job working in it. */
type StoredSession = Session & { busy?: string };

/** Sessions by folder, in nemo-sessions.json of the state directory (0600), which is opened when first needed. */
export class FolderSessionStore implements FolderSessions {
  readonly #dir: string;
  #opened: Conf<Record<string, StoredSession>> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  usable(folder: string, job: string, token: string): Session | undefined {
    return this.#guarded(store => {
      const stored = store.get(folder);
      if (!stored || stored.token !== token || (stored.busy !== undefined && stored.busy !== job)) return undefined;
      return withoutJob(stored);
    });
  }

  take(folder: string, job: string, session: Session): void {
    this.#guarded(store => {
      const last = store.get(folder);
      // Remembered, because earlier versions of other files may be asked for in it.
      if (last?.busy !== undefined && last.id !== session.id) store.set(halfDone(last.id), last);
      store.set(folder, { ...session, shared: true, busy: job });
    });
  }

  join(folder: string, job: string, id: string): boolean {
    return this.#guarded(store => {
      const current = store.get(folder);
      const { busy } = (current?.id === id ? current : store.get(halfDone(id))) ?? {};
      if (busy !== undefined && busy !== job) return false;
      if (current?.id === id) store.set(folder, { ...current, busy: job });
      return true;
    });
  }

  release(folder: string, job: string): void {
    this.#guarded(store => {
      const stored = store.get(folder);
      if (stored?.busy === job) store.set(folder, withoutJob(stored));
      for (const [key, { id, busy }] of Object.entries(store.store))
        if (busy === job && key === halfDone(id)) store.delete(key);
    });
  }

  #guarded<T>(act: (store: Conf<Record<string, StoredSession>>) => T): T {
    try {
      this.#opened ??= openStore(this.#dir);
      return act(this.#opened);
    } catch (error) {
      throw fileError(error, say('nemo.doing-folder-sessions'), this.#dir);
    }
  }
}

function openStore(dir: string): Conf<Record<string, StoredSession>> {
  return new Conf<Record<string, StoredSession>>({
    cwd: dir,
    configName: 'nemo-sessions',
    projectSuffix: '',
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    // Everything in it can be recreated.
    clearInvalidConfig: true,
  });
}

/** The key of a session that is no longer its folder's, but in which a job is not finished. */
function halfDone(id: string): string {
  return `half-done ${id}`;
}

function withoutJob(stored: StoredSession): Session {
  const { busy: _, ...session } = stored;
  return session;
}
