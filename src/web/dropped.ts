/** The files of a drop, those in dropped folders as well. */

/** More are not taken at once: somebody dropped a whole disk. */
const MAX_FILES = 2000;

/** Has to be called in the event itself: after it, the browser forgets what was dropped. */
export function filesIn({ items, files }: DataTransfer): Promise<File[]> {
  const entries = [...items].flatMap(item => item.webkitGetAsEntry() ?? []);
  if (!entries.some(entry => entry.isDirectory)) return Promise.resolve([...files]);
  return collect(entries);
}

async function collect(entries: readonly FileSystemEntry[]): Promise<File[]> {
  const found: File[] = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry && found.length < MAX_FILES; entry = waiting.shift()) {
    // What is hidden was not meant.
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory) waiting.push(...(await entriesIn(entry as FileSystemDirectoryEntry)));
    else found.push(...(await fileOf(entry as FileSystemFileEntry)));
  }
  return found;
}

/** A browser gives some of them at a time, and none once there are no more. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>(resolve => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** None if it can't be read. */
function fileOf(entry: FileSystemFileEntry): Promise<File[]> {
  return new Promise(resolve =>
    entry.file(
      file => resolve([file]),
      () => resolve([]),
    ),
  );
}
