import { Conf } from '../account/conf.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Auth } from '../account/auth.ts';
import type { Client } from '../account/client.ts';
import { idAt } from '../http/json.ts';

/** A session of the service: where the timeline of one file (or of one folder's files) lives. Ids are strings: they exceed 2^53. */
export interface Session {
  id: string;
  task?: string;
  user?: string;
  /** Recognises the token it was made with; see Secret.fingerprint. */
  token: string;
  /** Epoch ms. */
  madeAt: number;
  /** Others use it too, or used it before: its timeline need not be about this file. */
  shared: boolean;
}

export interface OpenSessionRequest {
  client: Client;
  auth: Auth;
  language: string;
  clock: Clock;
  signal: AbortSignal;
}

/** Makes a session. Costs nothing, so that trouble on the way may be met by asking once more: at worst an empty session is left. */
export async function openSession({ client, auth, language, clock, signal }: OpenSessionRequest): Promise<Session> {
  const doing = 'opening a session';
  const { text } = await client
    .call({
      doing,
      method: 'POST',
      path: '/api/tasks/me/with-session/nemo_agent',
      json: JSON.stringify({ task_name: 'project', language }),
      signal,
      repeats: 1,
    })
    .catch((error: unknown) => {
      // There is no session yet that could be gone: the address is wrong.
      throw isShrinkError(error, 'session-gone') ? notTheService(doing) : error;
    });
  const at = (...names: string[]) => idAt(text, ...names.map(name => `data.${name}`), ...names);
  const id = at('session_id', 'sessionId');
  if (id === undefined) throw notTheService(doing);
  const task = at('task_id', 'taskId', 'id');
  const user = at('user_id', 'userId') ?? auth.current?.userId;
  return {
    id,
    ...(task === undefined ? {} : { task }),
    ...(user === undefined ? {} : { user }),
    token: auth.current?.print ?? '',
    madeAt: clock.now(),
    shared: false,
  };
}

function notTheService(doing: string): ShrinkError {
  return new ShrinkError('bad-answer', `${doing}: the answer names no session`, {
    doing,
    hint: 'Check NEMO_API_URL, then retry.',
  });
}

/** Sessions kept per folder (`nemo.session: per-folder`), in nemo-sessions.json of the state directory (0600). */
export interface FolderSessions {
  /** The folder's session, unless another job left something half-done in it: then a new one has to be made. */
  usable(folder: string, job: string, token: string): Session | undefined;
  /** The job begins to work in it. */
  take(folder: string, job: string, session: Session): void;
  /** The job is through with it. */
  release(folder: string, job: string): void;
}

type KeptSession = Session & { busy?: string };

export function createFolderSessions(dir: string): FolderSessions {
  let opened: Conf<Record<string, KeptSession>> | undefined;
  const store = () => {
    opened ??= new Conf<Record<string, KeptSession>>({
      cwd: dir,
      configName: 'nemo-sessions',
      projectSuffix: '',
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
      // Nothing in it cannot be made anew.
      clearInvalidConfig: true,
    });
    return opened;
  };
  const guarded = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw fileError(error, 'keeping the sessions of folders', dir);
    }
  };
  return {
    usable: (folder, job, token) =>
      guarded(() => {
        const stored = store().get(folder);
        if (!stored || stored.token !== token || (stored.busy !== undefined && stored.busy !== job)) return undefined;
        const { busy: _, ...session } = stored;
        return session;
      }),
    take: (folder, job, session) => guarded(() => store().set(folder, { ...session, shared: true, busy: job })),
    release: (folder, job) =>
      guarded(() => {
        const stored = store().get(folder);
        if (stored?.busy !== job) return;
        const { busy: _, ...session } = stored;
        store().set(folder, session);
      }),
  };
}
