import { ShrinkError } from '../core/errors.ts';
import type { Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { safe } from './support/terminal.ts';

export const defineNotifyTest: Define = (program, action) => {
  program
    .command('notify-test')
    .description('send a test message to every address of notify in the configuration')
    .addHelpText('after', '\nEnds with 3 when one of them did not take it.')
    .action(
      action(async context => {
        const config = await context.loadConfig();
        if (config.notify.length === 0) {
          throw new ShrinkError('usage', 'the configuration has no notify', {
            hint: 'Add for example:  notify: [{url: "https://ntfy.sh/a-topic-of-yours"}]',
          });
        }
        const [{ testNotify }, { createHttp }] = await Promise.all([
          import('../notify/notify.ts'),
          import('../platform/http.ts'),
        ]);
        const http = createHttp();
        const results = await testNotify(config.notify, http).finally(() => http.close());
        if (context.json) context.printJson(results);
        else
          for (const { url, ok, said } of results)
            context.print(
              `${ok ? context.paint('green', 'ok  ') : context.paint('red', 'bad ')}  ${safe(url)}: ${safe(said)}`,
            );
        return results.every(({ ok }) => ok) ? EXIT.fine : EXIT.unfinished;
      }),
    );
};
