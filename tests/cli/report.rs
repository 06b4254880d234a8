//! `dripline report` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use insta::assert_snapshot;

const REPORT: &str = r#"{"campaign":"white-paper","name":"预测性维护白皮书","currency":"CNY",
"generated_at":1772442000000,"version":3,
"total":{"visitors":2100,"leads":310,"contacts":300,"conversions":9,
  "cost_minor":3479170,"revenue_minor":5200000},
"by_channel":[
  {"channel":"wechat-ads","visitors":2000,"leads":300,"contacts":290,"conversions":8,
   "cost_minor":2646050,"revenue_minor":5000000},
  {"channel":"公众号","visitors":100,"leads":10,"contacts":10,"conversions":1,
   "cost_minor":833120,"revenue_minor":200000}],
"by_variant":[{"page":"white-paper","variant":"a","visitors":1000,"leads":150,"contacts":150,
  "conversions":4,"cost_minor":0,"revenue_minor":5200000}],
"messages":[
  {"template":"emails/white-paper-welcome","sent":300,"delivered":300,"opened":200,"clicked":120,
   "bounced":5,"hard_bounced":2,"complained":1,"unsubscribed":3,
   "machine_opens":90,"machine_clicks":700},
  {"template":"sms/清单","sent":3,"delivered":0,"opened":0,"clicked":0,
   "segments":7,"cost_micros":315000}]}"#;

#[test]
fn report_prints_tables() {
    let (url, requests) = serve(vec![(200, REPORT.to_owned())]);
    let ran = dripline(&["report", "white-paper", "--to", &url, "--token", "t"]).ended(0);
    let requests = requests.join().unwrap();
    assert_eq!(requests[0].line, "GET /api/v1/reports/campaigns/white-paper");
    assert!(requests[0].headers.contains("authorization: bearer t"));
    assert_snapshot!(ran.out, @r"
    预测性维护白皮书
    white-paper, version 3, as of 2 Mar 2026, 09:00 UTC

    Funnel
                           of visitors
      Visitors      2,100
      Leads           310        14.8%
      New contacts    300        14.3%
      Conversions       9         0.4%

    Return
              Cost       Revenue     ROI  Cost per lead  Cost per conversion
      CN¥34,791.70  CN¥52,000.00  +49.5%      CN¥112.23          CN¥3,865.74

    By channel
      Channel     Visitors  Leads  New contacts  Conversions          Cost       Revenue  Cost per lead     ROI
      wechat-ads     2,000    300           290            8  CN¥26,460.50  CN¥50,000.00       CN¥88.20  +89.0%
      公众号           100     10            10            1   CN¥8,331.20   CN¥2,000.00      CN¥833.12  −76.0%

    By page and variant
      Page         Variant  Visitors  Leads  New contacts  Conversions  Leads per visitor       Revenue
      white-paper  a           1,000    150           150            4              15.0%  CN¥52,000.00

    By message
      Template                    Sent  Delivered  Opened  Clicked  Open rate  Click rate
      emails/white-paper-welcome   300        300     200      120      66.7%       40.0%
      sms/清单                       3          0       0        0       0.0%        0.0%
      All                          303        300     200      120      66.7%       40.0%

    Text messages
      Template  Segments     Cost
      sms/清单         7  CN¥0.32

    Opened or clicked by bots, by message
      Template                    Opens  Clicks
      emails/white-paper-welcome     90     700

    Bounced or refused, by message
      Template                    Bounced  Hard bounces  Complaints  Unsubscribed
      emails/white-paper-welcome        5             2           1             3
    ");
}

#[test]
fn json_report_is_printed_as_received() {
    let (url, requests) = serve(vec![(200, REPORT.to_owned())]);
    let args = ["report", "white-paper", "--to", &url, "--token", "t", "--json"];
    assert_eq!(dripline(&args).ended(0).out, format!("{REPORT}\n"));
    requests.join().unwrap();
}

#[test]
fn unknown_campaign_is_an_error() {
    let body = r#"{"type":"about:blank","title":"Not found","status":404,
        "detail":"there is no campaign `nope`"}"#;
    let answer = || (404, body.to_owned());
    let (url, requests) = serve(vec![answer(), answer()]);
    let args = ["report", "nope", "--to", &url, "--token", "t"];
    assert_eq!(dripline(&args).ended(1).err, "dripline: There is no campaign `nope`.\n");
    let ran = dripline(&[&args[..], &["--json"]].concat()).ended(1);
    assert_eq!(ran.json()["error"]["status"], 404);
    requests.join().unwrap();
}

#[test]
fn unpublished_campaign_is_marked() {
    let unpublished = REPORT.replace("\"version\":3,", "\"version\":3,\"unpublished_at\":0,");
    let (url, requests) = serve(vec![(200, unpublished)]);
    let ran = dripline(&["report", "white-paper", "--to", &url, "--token", "t"]).ended(0);
    requests.join().unwrap();
    let expected = "UNPUBLISHED since 1 Jan 1970, 00:00 UTC; `dripline publish` puts it back up.\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
}
