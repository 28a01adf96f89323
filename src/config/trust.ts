/**
 * Whether a configuration that was found, not named, may be used. It says which programs are run and where tokens are sent,
 * so it must not come from another user. Pure.
 */

/** Of a file or folder, as stat(2) has it. */
export interface Ownership {
  uid: number;
  gid: number;
  mode: number;
}

export interface Place extends Ownership {
  path: string;
}

/** What the system knows about users. */
export interface Users {
  /** Who runs this process. */
  caller: number;
  /** Whether a user is the only member of a group. */
  isAlone(uid: number, gid: number): boolean;
}

/**
 * Why other users may have written one of these places, as the end of a sentence; `undefined` if only the caller and root can
 * have. The sticky bit of a folder does not help: anybody may add a file to it.
 */
export function whyNotTrusted(places: readonly Place[], users: Users): string | undefined {
  for (const { path, uid, gid, mode } of places) {
    if (uid !== users.caller && uid !== 0) return `${path} belongs to another user (uid ${uid})`;
    if ((mode & 0o002) !== 0) return `every user may write to ${path}`;
    if ((mode & 0o020) !== 0 && !users.isAlone(uid, gid)) return `a group of users (gid ${gid}) may write to ${path}`;
  }
  return undefined;
}

/**
 * Whether a user has a group alone, as many systems give one to everybody and then let it write by default (umask 002).
 *
 * @param passwd text of /etc/passwd; a user who is not in it counts as never alone
 * @param group text of /etc/group
 */
export function isAloneInGroup(
  uid: number,
  gid: number,
  { passwd, group }: { passwd: string; group: string },
): boolean {
  const users = fieldsOf(passwd).map(([name = '', , id, primary]) => ({
    name,
    id: Number(id),
    primary: Number(primary),
  }));
  const own = users.filter(({ id }) => id === uid);
  const groups = fieldsOf(group).filter(([, , id]) => Number(id) === gid);
  if (groups.length === 0 || !own.some(({ primary }) => primary === gid)) return false;
  const members = [
    ...users.filter(({ primary }) => primary === gid).map(({ name }) => name),
    ...groups.flatMap(([, , , names = '']) => names.split(',')).filter(name => name !== ''),
  ];
  return members.every(member => own.some(({ name }) => name === member));
}

function fieldsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.trim().split(':'));
}
