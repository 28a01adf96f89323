import { readdirSync, readFileSync } from 'node:fs';

/** All processes below one, whichever of its threads started them; none where there is no /proc. */
export function descendants(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap(thread =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return children.flatMap(child => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}
