import { z } from 'zod';
import { version } from '../platform/package.ts';
import { isPublic } from './authorize.ts';
import { type Route, route } from './route.ts';
import { errorBody, NAMED } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** The route that describes the others, and itself. */
export function descriptionOf(routes: readonly Route[]): Route {
  let made: object | undefined;
  const description = { about: 'This description.', answer: { type: 'application/json' } };
  const own = route('GET', '/api/openapi.json', description, c => {
    made ??= openApi([...routes, own]);
    return c.json(made);
  });
  return own;
}

/** An OpenAPI 3.1 document, made from what each route parses and answers. */
export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, Json>> = {};
  for (const each of routes) {
    const path = each.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operation(each) };
  }
  const { schemas } = z.toJSONSchema(NAMED, { uri: id => `#/components/schemas/${id}`, io: 'output' });
  return {
    openapi: '3.1.0',
    info: { title: 'shrinkbox', version: version(), description: ABOUT },
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutAddress(schema)])),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: TOKEN } },
    },
    security: [{ token: [] }, {}],
  };
}

const ABOUT =
  'The same on the control socket and on http.listen. Times are epoch milliseconds, sizes bytes. Texts are English; where a ' +
  'message stands beside one, it has the code and the parameters for translation.';
const TOKEN = 'The contents of http.token_file. Needed where one is set, and never on the control socket.';

function operation({ path, about, query, body, file, answer }: Route): Json {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', ...(name === 'which' && { enum: ['before', 'after'] }) },
  }));
  return {
    summary: about,
    parameters: [...inPath, ...(query ? parametersOf(query) : [])],
    ...(file && { requestBody: FILE }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      200: { description: 'OK', content: contentOf(answer) },
      default: { description: 'refused', content: contentOf(errorBody) },
    },
    ...(isPublic(path) && { security: [] }),
  };
}

const FILE = { required: true, content: { 'application/octet-stream': {} } };

function parametersOf(query: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...shape } = schema as Json;
    return { name, in: 'query', required: required.includes(name), description, schema: shape };
  });
}

function contentOf(answer: Route['answer']): Json {
  if (!(answer instanceof z.ZodType)) return { [answer.type]: {} };
  return { 'application/json': { schema: { $ref: `#/components/schemas/${NAMED.get(answer)?.id}` } } };
}

/** Within one document, schemas need neither their own address nor their dialect. */
function withoutAddress(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$id' && key !== '$schema'));
}
