import type { Context, Define } from '../support/context.ts';
import type { CheckResult } from './finding.ts';
import { EXIT } from '../support/exit-codes.ts';
import { safe } from '../support/terminal.ts';

export const defineDoctor: Define = (program, action) => {
  program
    .command('doctor')
    .description('try everything the daemon needs, as the user you are: folders, ffmpeg, space, limits')
    .addHelpText(
      'after',
      '\nEnds with 0 when nothing is bad; else with 10, 12, 13 or 14 where one of those fits, or 3.',
    )
    .action(action(doctor));
};

async function doctor(context: Context): Promise<number> {
  const config = await context.loadConfig();
  const { checkResults } = await import('./checks.ts');
  const found: CheckResult[] = [];
  for await (const finding of checkResults(context, config)) {
    found.push(finding);
    if (!context.json) for (const line of findingLines(context, finding)) context.print(line);
  }
  const bad = found.filter(({ result }) => result === 'bad');
  const code = worstOf(bad);
  if (context.json) context.printJson({ ok: bad.length === 0, exit_code: code, findings: found });
  else
    context.print(
      bad.length === 0 ? context.paint('green', 'ready to run') : context.paint('red', 'not ready: see above'),
    );
  return code;
}

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], bad: ['red', 'bad '] } as const;

function findingLines({ paint }: Context, { about, result, said, fix }: CheckResult): string[] {
  const [colour, mark] = MARKS[result];
  const lines = [`${paint(colour, mark)}  ${about.padEnd(13)}  ${safe(said)}`];
  if (fix) lines.push(`${' '.repeat(21)}${safe(fix)}`);
  return lines;
}

/** What must be mended first names the code. */
const FIRST = [EXIT.config, EXIT.damaged, EXIT.credentials, EXIT.tool] as const;

function worstOf(bad: readonly CheckResult[]): number {
  if (bad.length === 0) return EXIT.fine;
  return FIRST.find(code => bad.some(finding => finding.code === code)) ?? EXIT.unfinished;
}
