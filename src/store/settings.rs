//! What a clinic decides for all of it, as one JSON document of the clinic room.

use crate::value::{Columns, values};
use crate::{ClinicId, Conn, Fact, Record, Result, Tx};

impl Conn {
    /// The document and its version; None: the clinic never decided anything.
    pub async fn settings(&mut self, clinic: ClinicId) -> Result<Option<(String, i64)>> {
        let sql = "select body, seq from settings where clinic_id = $1";
        let row = self.one(sql, values![clinic]).await?;
        row.map(|row| {
            let mut columns = Columns::of(&row);
            Ok((columns.text()?, columns.int()?))
        })
        .transpose()
    }
}

impl Tx {
    /// Replaces the document; its version is this change.
    pub async fn save_settings(&mut self, body: &str) -> Result<()> {
        let sql = "insert into settings (clinic_id, body, seq) values ($1, $2, $3) \
            on conflict (clinic_id) do update set body = excluded.body, seq = excluded.seq";
        let (clinic, seq) = (self.clinic(), self.seq());
        self.run(sql, values![clinic, body, seq]).await?;
        self.note(Fact::RecordChanged(Record::Settings)).await
    }
}
