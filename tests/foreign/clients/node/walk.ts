// Walks through the API with the types that `openapi-typescript` made of our document: node walk.js URL ENDPOINT
//
// The token comes from `HOOKLINE_TOKEN`. Fails with what is wrong. That this compiles is half of the test.

import createClient from "openapi-fetch";
import type { components, paths } from "./made.js";

declare const process: { argv: string[]; env: Record<string, string | undefined>; exit(code: number): never };

type Webhook = components["schemas"]["Webhook"];
type Delivery = components["schemas"]["Delivery"];

const LIMIT = 120_000;
const [baseUrl, endpoint] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${process.env.HOOKLINE_TOKEN}` } });

function isEqual(one: unknown, other: unknown): void {
  if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error(`${JSON.stringify(one)} is not ${JSON.stringify(other)}`);
}

function there<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

const input: components["schemas"]["WebhookInput"] = { event: "request.create", uri: endpoint, name: "made" };
const webhook: Webhook = there(await client.POST("/webhooks", { body: input }));
isEqual([webhook.name, webhook.uri, webhook.disabled], ["made", endpoint, false]);
const path = { id: String(webhook.id) };
isEqual(there(await client.GET("/webhooks/{id}", { params: { path } })), webhook);
const list: Webhook[] = there(await client.GET("/webhooks", { params: { query: { name: "made", per_page: 5 } } }));
isEqual(list.map((one) => one.name), ["made"]);
isEqual(there(await client.PATCH("/webhooks/{id}", { params: { path }, body: { name: "changed" } })).name, "changed");
const refused = await client.PATCH("/webhooks/{id}", { params: { path }, body: { uri: "ftp://example.com/" } });
isEqual(refused.response.status, 422);
const report = there(await client.POST("/webhooks/{id}/test", { params: { path, query: { report: "true" } } }));
isEqual([report?.status, report?.error], [204, null]);
there(await client.POST("/events", { body: { event: "request.create", object_id: 7 } }));

let deliveries: Delivery[] = [];
for (const end = Date.now() + LIMIT; deliveries.length < 2; await new Promise((again) => setTimeout(again, 50))) {
  if (Date.now() > end) throw new Error("no delivery");
  deliveries = there(await client.GET("/webhooks/{id}/deliveries", { params: { path } }));
}
const delivery = there(await client.GET("/webhook_deliveries/{id}", { params: { path: { id: String(deliveries[0]?.id) } } }));
isEqual([delivery.outcome, delivery.attempt, delivery.event], ["succeeded", 1, "request.create"]);
isEqual((await client.DELETE("/webhooks/{id}", { params: { path } })).response.status, 204);
isEqual((await client.GET("/webhooks/{id}", { params: { path } })).response.status, 404);
