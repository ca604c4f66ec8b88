/** What any webhook in Node costs at least: collect the body, parse it (unless told not to), answer a constant. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const [certs = '', port = '0', parse = 'parse'] = process.argv.slice(2);

const ANSWER = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: '11111111-1111-4111-8111-111111111111', allowed: true },
});

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
      if (parse === 'parse') JSON.parse(body.toString('utf8'));
      response.setHeader('Content-Type', 'application/json');
      response.end(ANSWER);
    });
  },
);
server.listen(Number(port), '127.0.0.1');
