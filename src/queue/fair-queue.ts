import type { Queue, QueueAddOptions } from 'p-queue';

type Task = () => Promise<unknown>;

export interface FolderTask extends QueueAddOptions {
  /** Whose turn the task takes. */
  folder?: string;
  /** Half done before a restart: it had its folder's turn then, and comes first. */
  resumes?: boolean;
}

interface Waiting {
  run: Task;
  id: string | undefined;
  priority: number;
}

/** The key of tasks that resume; no folder has it. */
const RESUMED = '\0';

/**
 * What waits for a place in a PQueue. Folders take turns, so that one full of files, or of files that take long to refuse, never
 * holds up the others. Within a folder: the highest priority first, then who was added first.
 */
export class FairQueue implements Queue<Task, FolderTask> {
  /** In the order of their turns; none is empty. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** The number of each folder's last turn. */
  readonly #lastTurns = new Map<string, number>();
  #turns = 0;
  size = 0;

  enqueue(run: Task, { folder = '', resumes = false, priority = 0, id }: Partial<FolderTask> = {}): void {
    this.#insert(resumes ? RESUMED : folder, { run, id, priority });
  }

  dequeue(): Task | undefined {
    const folder = this.#next();
    const line = folder === undefined ? undefined : this.#waiting.get(folder);
    if (folder === undefined || line === undefined) return undefined;
    this.#turns += 1;
    if (folder !== RESUMED) this.#lastTurns.set(folder, this.#turns);
    return this.#take(folder, line, 0)?.run;
  }

  filter({ priority }: Partial<FolderTask>): Task[] {
    return [...this.#waiting.values()].flat().flatMap(each => (each.priority === priority ? each.run : []));
  }

  setPriority(id: string, priority: number): void {
    for (const [folder, line] of this.#waiting) {
      const at = line.findIndex(each => each.id === id);
      const task = at < 0 ? undefined : this.#take(folder, line, at);
      if (task) return this.#insert(folder, { ...task, priority });
    }
  }

  #insert(folder: string, task: Waiting): void {
    const line = this.#waiting.get(folder) ?? [];
    this.#waiting.set(folder, line);
    const after = line.findLastIndex(each => each.priority >= task.priority);
    line.splice(after + 1, 0, task);
    this.size += 1;
  }

  #take(folder: string, line: Waiting[], at: number): Waiting | undefined {
    const [task] = line.splice(at, 1);
    if (line.length === 0) this.#waiting.delete(folder);
    this.size -= 1;
    return task;
  }

  /** The folder whose last turn is longest ago; among those that had none yet, the one with the highest priority. */
  #next(): string | undefined {
    if (this.#waiting.has(RESUMED)) return RESUMED;
    let next: { folder: string; last: number; priority: number } | undefined;
    for (const [folder, [head]] of this.#waiting) {
      const last = this.#lastTurns.get(folder) ?? 0;
      const priority = head?.priority ?? 0;
      const isBefore = !next || last < next.last || (last === next.last && priority > next.priority);
      if (isBefore) next = { folder, last, priority };
    }
    return next?.folder;
  }
}
