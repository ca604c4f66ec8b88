/**
 * What any webhook in Node costs at least: collect the body, parse it (unless told not to), answer a constant. To an API
 * server, which looks at the uid, it can `echo` that.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const [certs = '', port = '0', parse = 'parse'] = process.argv.slice(2);

function answer(uid: string): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, allowed: true },
  });
}

const ANSWER = answer('11111111-1111-4111-8111-111111111111');

const server = createServer(
  {
    cert: readFileSync(join(certs, 'tls.crt')),
    key: readFileSync(join(certs, 'tls.key')),
    keepAliveTimeout: 95_000,
  },
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const review = parse === 'collect' ? undefined : JSON.parse(body.toString('utf8'));
      response.setHeader('Content-Type', 'application/json');
      response.end(parse === 'echo' ? answer(review.request.uid) : ANSWER);
    });
  },
);
server.listen(Number(port), '127.0.0.1');
