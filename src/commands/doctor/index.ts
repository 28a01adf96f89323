import type { Context, Define } from '../support/context.ts';
import type { CheckResult } from './check-result.ts';
import { EXIT } from '../support/exit-codes.ts';
import { escapeForTerminal } from '../../core/escape.ts';

export const defineDoctor: Define = (program, action) => {
  program
    .command('doctor')
    .description(
      'check what the daemon needs: folders, ffmpeg, disk space, limits; run it as the user the daemon runs as',
    )
    .addHelpText(
      'after',
      '\nThe exit code is 0 when nothing is bad; else 10, 12, 13 or 14 where one of them fits, or 3.',
    )
    .action(action(doctor));
};

async function doctor(context: Context): Promise<number> {
  const { config, broken } = await context.loadConfigLeniently();
  const { checkResults, checkResultsOfBroken } = await import('./checks.ts');
  const results: CheckResult[] = [];
  const checks = broken ? checkResultsOfBroken(context, config, broken) : checkResults(context, config);
  for await (const result of checks) {
    results.push(result);
    if (!context.json) for (const line of resultLines(context, result)) context.print(line);
  }
  const bad = results.filter(({ result }) => result === 'bad');
  const code = worstOf(bad);
  if (context.json) context.printJson({ ok: bad.length === 0, exit_code: code, findings: results });
  else
    context.print(
      bad.length === 0 ? context.paint('green', 'ready to run') : context.paint('red', 'not ready, see above'),
    );
  return code;
}

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], bad: ['red', 'bad '] } as const;

function resultLines({ paint }: Context, { about, result, said, fix }: CheckResult): string[] {
  const [colour, mark] = MARKS[result];
  const lines = [`${paint(colour, mark)}  ${about.padEnd(13)}  ${escapeForTerminal(said)}`];
  if (fix) lines.push(`${' '.repeat(21)}${escapeForTerminal(fix)}`);
  return lines;
}

/** Where several results have a code of their own, the first of these wins. */
const PRECEDENCE = [EXIT.config, EXIT.damaged, EXIT.credentials, EXIT.tool] as const;

function worstOf(bad: readonly CheckResult[]): number {
  if (bad.length === 0) return EXIT.fine;
  return PRECEDENCE.find(code => bad.some(result => result.code === code)) ?? EXIT.unfinished;
}
