/** Exit code 0 when dist/ is newer than everything it is made of: `node test/support/is-built.mjs || npm run -s build`. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const changedMs = path => statSync(join(root, path)).mtimeMs;

const outputs = ['dist/cli.js', 'dist/web/index.html'];
// Folders count too: a deleted or renamed file changes nothing else.
const below = readdirSync(join(root, 'src'), { recursive: true }).map(name => join('src', name));
const inputs = ['package.json', 'package-lock.json', 'tsconfig.json', 'src', ...below];

const isBuilt =
  outputs.every(path => existsSync(join(root, path))) &&
  Math.max(...inputs.map(changedMs)) <= Math.min(...outputs.map(changedMs));
process.exit(isBuilt ? 0 : 1);
