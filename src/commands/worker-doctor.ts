import { escapeForTerminal } from '../core/escape.ts';
import type { Context } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], bad: ['red', 'bad '] } as const;

export async function workerDoctor(context: Context): Promise<number> {
  const config = await context.loadConfig();
  const { workerFindings } = await import('../app/worker-doctor.ts');
  const findings = [];
  for await (const finding of workerFindings(config, { clock: context.io.clock, version: context.version })) {
    findings.push(finding);
    if (context.json) continue;
    const [colour, mark] = MARKS[finding.result];
    context.print(`${context.paint(colour, mark)}  ${finding.about.padEnd(13)}  ${escapeForTerminal(finding.said)}`);
    if (finding.fix) context.print(`${' '.repeat(21)}${escapeForTerminal(finding.fix)}`);
  }
  const isFine = findings.every(({ result }) => result !== 'bad');
  if (context.json) context.printJson({ ok: isFine, findings });
  else context.print(isFine ? context.paint('green', 'ready to work') : context.paint('red', 'not ready, see above'));
  return isFine ? EXIT.fine : EXIT.unfinished;
}
