// What both clients' tests need: where the daemon is, and a fetch that keeps the ids.

import { appendFileSync } from "node:fs";

export const { BASE_URL, CONVERSATIONS } = process.env;
export const MODEL = "gpt-5.5";
export const COUNTED = "1, 2, 3, 4, 5";
export const TELL = "Remember the token ALPHA-42.";
export const ASK = "What token did I ask you to remember?";
export const MEETING = 'Alice and Bob have a "science fair" on Friday.';

/** A chat answer without its reasoning, which one of the profiles shows in the text. */
export function bare(text) {
  const end = text.indexOf("</think>");
  return end < 0 ? text : text.slice(end + "</think>".length);
}

/**
 * Have a conversation, and tell whoever started us which requests it took.
 *
 * @param way how all but the first have to have gone upstream.
 * @param talk is given a fetch to make its requests with.
 */
export async function conversation(way, talk) {
  const requests = [];
  await talk(async (...request) => {
    const answer = await fetch(...request);
    requests.push(answer.headers.get("x-request-id"));
    return answer;
  });
  appendFileSync(CONVERSATIONS, JSON.stringify({ way, requests }) + "\n");
}
