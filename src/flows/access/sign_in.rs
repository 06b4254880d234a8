//! Access to the web app: signing in by an API token or by a link, and the sessions that follow.
//! The use of a session is recorded every ten minutes.

use crate::domain::access::audit::Act;
use crate::domain::access::rights::Access;
use crate::domain::access::session::{Session, SessionPurpose, member_credential};
use crate::domain::base::primitives::{Actor, Ids, Millis};
use crate::domain::base::token::sha256_hex;
use crate::flows::access::caller::{member_actor, of_session};
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::settings::{api_token, credentials};
use crate::store::sessions::{ListedRow, SessionRow};
use crate::store::statement::{Rows, Statement};
use crate::store::{audit, sessions};
use serde::{Deserialize, Serialize};

/// A new sign-in link.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The secret in the link; it cannot be read again.
    pub secret: String,
    pub expires_at: Millis,
}

/// A valid session, and what its holder may do.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedIn {
    pub session: Session,
    pub access: Access,
}

/// A session or a link as operators see it, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    pub purpose: SessionPurpose,
    /// The name of the API token that it was made with, or of the member.
    pub subject: String,
    pub created_at: Millis,
    pub used_at: Millis,
    /// Its latest possible end.
    pub expires_at: Millis,
}

/// Makes a link for the holder of this API token; `random` is 32 bytes in base64url. Returns `None`
/// if the token is not configured.
pub async fn make_link<D: Database>(
    db: &D,
    configured: &str,
    token: &str,
    random: &str,
    now: Millis,
) -> Result<Option<Link>, DatabaseError> {
    let Some(token) = api_token(configured, token) else { return Ok(None) };
    let purpose = SessionPurpose::Link;
    let link = Session::new(purpose, token.name, &token.credential, now);
    let secret = purpose.secret(random);
    keep(db, &secret, &link, None, None).await?;
    Ok(Some(Link { secret, expires_at: link.expires_at }))
}

/// Begins a session for the holder of an API token or an unused link. Returns the session's secret,
/// which is new each time. The browser's former session, if it has one, ends.
pub async fn sign_in<D: Database>(
    db: &D,
    configured: &str,
    proof: &str,
    former: Option<&str>,
    (random, ids): (&str, &mut Ids),
    now: Millis,
) -> Result<Option<String>, DatabaseError> {
    let secret = SessionPurpose::Session.secret(random);
    if let Some(token) = api_token(configured, proof) {
        let session = Session::new(SessionPurpose::Session, token.name, &token.credential, now);
        keep(db, &secret, &session, former, Some(ids)).await?;
        return Ok(Some(secret));
    }
    // The whole link may have been pasted.
    let proof = proof.rsplit_once('#').map_or(proof, |(_, secret)| secret);
    let Some(link) = find(db, SessionPurpose::Link, configured, proof, now).await? else {
        return Ok(None);
    };
    let link = link.session;
    let session = Session {
        member: link.member,
        ..Session::new(SessionPurpose::Session, &link.subject, &link.credential, now)
    };
    let mut statements =
        vec![sessions::use_link(&sha256_hex(proof), &sha256_hex(&secret), &session)];
    statements.push(entered(&session, &secret, ids));
    statements.extend(former.map(|former| sessions::end(&sha256_hex(former))));
    statements.push(sessions::bound(&session));
    let rows = db.batch(statements).await?;
    let used = rows.first().map(Rows::first::<Session>).transpose();
    Ok(used.map_err(DatabaseError::Fault)?.flatten().map(|_| secret))
}

/// Returns the valid session of a cookie's secret, and records its use.
pub async fn session<D: Database>(
    db: &D,
    configured: &str,
    secret: &str,
    now: Millis,
) -> Result<Option<SignedIn>, DatabaseError> {
    let found = find(db, SessionPurpose::Session, configured, secret, now).await?;
    let Some(SessionRow { session, caller }) = found else { return Ok(None) };
    if session.wants_noting(now) {
        db.batch(vec![sessions::note_use(&sha256_hex(secret), now)]).await?;
    }
    let access = of_session(&session, caller);
    Ok(Some(SignedIn { session, access }))
}

/// Ends the session with this secret.
pub async fn sign_out<D: Database>(db: &D, secret: &str) -> Result<(), DatabaseError> {
    db.batch(vec![sessions::end(&sha256_hex(secret))]).await.map(drop)
}

/// Returns the sessions and links that are valid now.
pub async fn list<D: Database>(
    db: &D,
    configured: &str,
    now: Millis,
) -> Result<Vec<Listed>, DatabaseError> {
    let rows = db.batch(vec![sessions::all()]).await?;
    good(&rows, configured, now)
}

/// Ends all sessions and links. Returns those that were valid until now.
pub async fn end_all<D: Database>(
    db: &D,
    configured: &str,
    now: Millis,
) -> Result<Vec<Listed>, DatabaseError> {
    let rows = db.batch(vec![sessions::all(), sessions::end_all()]).await?;
    good(&rows, configured, now)
}

fn good(rows: &[Rows], configured: &str, now: Millis) -> Result<Vec<Listed>, DatabaseError> {
    let known = credentials(configured);
    let all = rows.first().map(Rows::all::<ListedRow>).transpose().map_err(DatabaseError::Fault)?;
    let good = all.unwrap_or_default().into_iter().filter(|row| {
        let known = match &row.active {
            Some(member) => &[member_credential(member)][..],
            None => &known,
        };
        row.session.is_good(row.session.purpose, known, now)
    });
    let listed = |row: ListedRow| {
        let Session { purpose, subject, created_at, used_at, expires_at, .. } = row.session;
        Listed { purpose, subject, created_at, used_at, expires_at }
    };
    Ok(good.map(listed).collect())
}

/// Returns the session or link of a secret, if it is valid for the purpose.
async fn find<D: Database>(
    db: &D,
    purpose: SessionPurpose,
    configured: &str,
    secret: &str,
    now: Millis,
) -> Result<Option<SessionRow>, DatabaseError> {
    if !purpose.may_be(secret) {
        return Ok(None);
    }
    let rows = db.batch(vec![sessions::find(&sha256_hex(secret), now)]).await?;
    let found = rows.first().map(Rows::first::<SessionRow>).transpose();
    let found = found.map_err(DatabaseError::Fault)?.flatten();
    let mut known = credentials(configured);
    // A member who has ended is not in the row.
    known.extend(
        found.as_ref().and_then(|row| row.caller.member_id.as_ref()).map(member_credential),
    );
    Ok(found.filter(|row| row.session.is_good(purpose, &known, now)))
}

async fn keep<D: Database>(
    db: &D,
    secret: &str,
    session: &Session,
    former: Option<&str>,
    signs_in: Option<&mut Ids>,
) -> Result<(), DatabaseError> {
    let hash = sha256_hex(secret);
    let mut statements = vec![sessions::forget(session.created_at), sessions::keep(&hash, session)];
    statements.extend(signs_in.map(|ids| entered(session, secret, ids)));
    statements.extend(former.map(|former| sessions::end(&sha256_hex(former))));
    statements.push(sessions::bound(session));
    db.batch(statements).await.map(drop)
}

/// Returns the statement that enters a sign-in into the audit log, if the session began.
fn entered(session: &Session, secret: &str, ids: &mut Ids) -> Statement {
    let actor = match &session.member {
        Some(member) => member_actor(member),
        None => Actor(format!("token:{}", session.subject)),
    };
    let entry = Act::new("sign_in", "session", "").by(&actor, session.created_at, ids);
    audit::enter_sign_in(&entry, &sha256_hex(secret))
}
