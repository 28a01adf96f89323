import { findDaemon } from './support/connect.ts';
import type { Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineLink: Define = (program, action) => {
  program
    .command('link')
    .description('show a link and a QR code that open the page on a phone; good once, for ten minutes')
    .action(
      action(async context => {
        const { linkLines, linkOf, linkWithout } = await import('./support/page-link.ts');
        const { config, daemon } = await findDaemon(context);
        try {
          const made = await (daemon ? linkOf(daemon) : linkWithout(context, config));
          if (context.json) context.printJson(made);
          else for (const line of linkLines(context, made)) context.print(line);
          return EXIT.fine;
        } finally {
          await daemon?.close();
        }
      }),
    );
};
