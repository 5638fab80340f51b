using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class Upkeep : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "WorkerName",
                table: "Runs",
                type: "TEXT",
                nullable: false,
                defaultValue: "");

            migrationBuilder.CreateTable(
                name: "Upkeep",
                columns: table => new
                {
                    Name = table.Column<string>(type: "TEXT", nullable: false),
                    DoneAt = table.Column<long>(type: "INTEGER", nullable: false),
                    Until = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Upkeep", x => x.Name);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Versions_Sha256",
                table: "Versions",
                column: "Sha256");

            migrationBuilder.CreateIndex(
                name: "IX_Versions_StateSha256",
                table: "Versions",
                column: "StateSha256");

            migrationBuilder.CreateIndex(
                name: "IX_Tasks_AdapterId_Id",
                table: "Tasks",
                columns: new[] { "AdapterId", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Tasks_AdapterId_Status_Id",
                table: "Tasks",
                columns: new[] { "AdapterId", "Status", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_IdempotencyRecords_CreatedAt",
                table: "IdempotencyRecords",
                column: "CreatedAt");

            migrationBuilder.CreateIndex(
                name: "IX_Datasets_Sha256",
                table: "Datasets",
                column: "Sha256");

            migrationBuilder.CreateIndex(
                name: "IX_Audit_CreatedAt",
                table: "Audit",
                column: "CreatedAt");

            migrationBuilder.CreateIndex(
                name: "IX_Audit_TenantId_Action_Id",
                table: "Audit",
                columns: new[] { "TenantId", "Action", "Id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "Upkeep");

            migrationBuilder.DropIndex(
                name: "IX_Versions_Sha256",
                table: "Versions");

            migrationBuilder.DropIndex(
                name: "IX_Versions_StateSha256",
                table: "Versions");

            migrationBuilder.DropIndex(
                name: "IX_Tasks_AdapterId_Id",
                table: "Tasks");

            migrationBuilder.DropIndex(
                name: "IX_Tasks_AdapterId_Status_Id",
                table: "Tasks");

            migrationBuilder.DropIndex(
                name: "IX_IdempotencyRecords_CreatedAt",
                table: "IdempotencyRecords");

            migrationBuilder.DropIndex(
                name: "IX_Datasets_Sha256",
                table: "Datasets");

            migrationBuilder.DropIndex(
                name: "IX_Audit_CreatedAt",
                table: "Audit");

            migrationBuilder.DropIndex(
                name: "IX_Audit_TenantId_Action_Id",
                table: "Audit");

            migrationBuilder.DropColumn(
                name: "WorkerName",
                table: "Runs");
        }
    }
}
